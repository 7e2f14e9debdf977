// SPDX-License-Identifier: MIT
#include "server/http/accept_encoding.hpp"

#include <algorithm>
#include <optional>

#include "opencat/text.hpp"

namespace opencat::http {

namespace {

struct Weighed {
  std::string name;
  int weight = 1000;  ///< thousandths: a weight has three digits at most
};

/// "0.5" as thousandths; what is no weight is none.
int thousandths(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return 0;
  int weight = (text[0] - '0') * 1000;
  if (text.size() > 1 && text[1] != '.') return 0;
  int unit = 100;
  for (std::size_t i = 2; i < text.size(); ++i, unit /= 10) {
    if (text[i] < '0' || text[i] > '9') return 0;
    weight += (text[i] - '0') * unit;
  }
  return std::min(weight, 1000);
}

std::vector<Weighed> parse(const std::string& header) {
  std::vector<Weighed> list;
  for (const std::string& part : split(header, ',')) {
    Weighed one;
    const std::size_t semicolon = part.find(';');
    one.name = lower(trim(std::string_view(part).substr(0, semicolon)));
    if (semicolon != std::string::npos) {
      const std::string parameter = lower(trim(std::string_view(part).substr(semicolon + 1)));
      if (parameter.substr(0, 2) == "q=") one.weight = thousandths(std::string_view(parameter).substr(2));
    }
    list.push_back(std::move(one));
  }
  return list;
}

std::optional<int> weight_of(const std::vector<Weighed>& list, const std::string& name) {
  for (const Weighed& one : list) {
    if (one.name == name) return one.weight;
  }
  return std::nullopt;
}

}  // namespace

std::size_t choose_coding(const std::string* header, const std::vector<std::string>& codings) {
  const auto identity = std::find(codings.begin(), codings.end(), "identity");
  std::size_t chosen = static_cast<std::size_t>(identity - codings.begin());
  if (header == nullptr) return chosen;
  const std::vector<Weighed> list = parse(*header);
  int best = 0;
  for (std::size_t i = 0; i < codings.size(); ++i) {
    auto weight = weight_of(list, codings[i]);
    if (!weight && codings[i] != "identity") weight = weight_of(list, "*");
    if (weight.value_or(0) <= best) continue;
    best = *weight;
    chosen = i;
  }
  return chosen;
}

}  // namespace opencat::http
