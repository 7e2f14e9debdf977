// SPDX-License-Identifier: MIT
#include "bundle/token_ledger.hpp"

#include <nlohmann/json.hpp>

#include "opencat/descriptor.hpp"
#include "opencat/error.hpp"
#include "opencat/text.hpp"

namespace opencat {

namespace fs = std::filesystem;
using Json = nlohmann::json;

TokenLedger::TokenLedger(fs::path folder) : folder_(std::move(folder)), file_(folder_ / ".opencat-tokens") {
  make_folders(folder_);
  lock_ = std::make_unique<FileLock>(
      file_, FileLock::Wait::never,
      "another opencat makes zips in " + folder_.string() + "; wait for it, or name another --out-dir");
  fs::permissions(file_, static_cast<fs::perms>(0600));
  for (const auto& entry : fs::directory_iterator(folder_)) {
    if (entry.path().filename().string().rfind(making_prefix, 0) == 0) fs::remove_all(entry.path());
  }
  load();
}

TokenLedger::~TokenLedger() {
  std::error_code ignored;
  if (entries_.empty()) fs::remove(file_, ignored);
}

void TokenLedger::load() {
  for (const std::string& line : split(read_file(file_), '\n')) {
    const Json event = Json::parse(line, nullptr, false);
    // A line that a killed process did not finish told of nothing that had begun.
    if (event.is_object()) apply(event);
  }
}

void TokenLedger::apply(const Json& line) {
  const auto text = [&](const char* name) { return line.value(name, std::string()); };
  if (line.contains("inputs")) inputs_ = text("inputs");
  if (line.contains("wanted")) {
    entries_[text("wanted")] = {text("wanted"), text("platform"), text("label"), text("file"), {}, 0, {}};
  }
  const auto known = [&](const char* event) { return entries_.find(text(event)); };
  if (const auto found = known("issued"); found != entries_.end()) found->second.token_id = text("token_id");
  if (const auto found = known("written"); found != entries_.end()) {
    found->second.bytes = line.value("bytes", std::uint64_t{0});
    found->second.sha256 = text("sha256");
  }
  entries_.erase(text("forgotten"));
}

void TokenLedger::append(const Json& line) {
  const std::lock_guard lock(mutex_);
  const std::string text = line.dump() + "\n";
  const int file = descriptor::open(file_, descriptor::Opening::append);
  // In one call: a killed process has written the line or not.
  const bool well = file >= 0 && descriptor::write(file, text).empty();
  const Error problem = system_error("cannot write " + file_.string());
  if (file >= 0) descriptor::close(file);
  if (!well) throw problem;
  apply(line);
}

std::string TokenLedger::inputs() const { return inputs_; }

void TokenLedger::set_inputs(const std::string& digest) { append({{"inputs", digest}}); }

void TokenLedger::wanted(const LedgerEntry& entry) {
  append({{"wanted", entry.install_id},
          {"platform", entry.platform},
          {"label", entry.label},
          {"file", entry.file}});
}

void TokenLedger::issued(const std::string& install_id, const std::string& token_id) {
  append({{"issued", install_id}, {"token_id", token_id}});
}

void TokenLedger::written(const std::string& install_id, const WrittenZip& zip) {
  append({{"written", install_id}, {"bytes", zip.bytes}, {"sha256", zip.sha256}});
}

void TokenLedger::forget(const std::string& install_id) { append({{"forgotten", install_id}}); }

std::vector<LedgerEntry> TokenLedger::entries() const {
  const std::lock_guard lock(mutex_);
  std::vector<LedgerEntry> all;
  for (const auto& [id, entry] : entries_) all.push_back(entry);
  return all;
}

bool TokenLedger::is_finished(const LedgerEntry& entry) const {
  std::error_code absent;
  return !entry.sha256.empty() && fs::file_size(folder_ / entry.file, absent) == entry.bytes && !absent;
}

IssuedTokens::IssuedTokens(TokenClient& client, TokenLedger& ledger, Entropy& entropy)
    : client_(client), ledger_(ledger), entropy_(entropy) {
  for (const LedgerEntry& entry : ledger.entries()) {
    if (ledger.is_finished(entry)) continue;
    client.revoke_installation(entry.install_id, entry.token_id);
    ledger.forget(entry.install_id);
  }
}

IssuedTokens::Issued IssuedTokens::issue(const TokenWish& wish, const std::string& file,
                                         const std::stop_token& stop) {
  Issued issued{random_uuid(entropy_), {}, {}};
  ledger_.wanted({issued.install_id, wish.platform.name(), wish.label, file, {}, 0, {}});
  {
    const std::lock_guard lock(mutex_);
    unfinished_[issued.install_id] = "";
  }
  Json answer = client_.issue(wish, issued.install_id, stop);
  const Json id = answer.value("id", Json());
  // An older server tells no id, and then nothing names the token but itself.
  issued.token_id = id.is_string() ? id.get<std::string>() : "issued";
  if (id.is_string()) ledger_.issued(issued.install_id, issued.token_id);
  answer["install_id"] = issued.install_id;
  issued.text = answer.dump(2) + "\n";
  const std::lock_guard lock(mutex_);
  unfinished_[issued.install_id] = id.is_string() ? issued.token_id : answer.at("token").get<std::string>();
  return issued;
}

void IssuedTokens::keep(const std::string& install_id) {
  const std::lock_guard lock(mutex_);
  unfinished_.erase(install_id);
}

IssuedTokens::~IssuedTokens() {
  for (const auto& [install_id, token] : unfinished_) {
    try {
      client_.revoke_installation(install_id, token);
      ledger_.forget(install_id);
    } catch (const std::exception&) {
      // The first failure is on its way to the user; the next run finds this one in the ledger.
    }
  }
}

}  // namespace opencat
