// SPDX-License-Identifier: MIT
#include "bundle/bundle_lists.hpp"

#include <nlohmann/json.hpp>

#include "bundle/layout.hpp"
#include "bundle/sbom.hpp"
#include "opencat/digest.hpp"
#include "opencat/file.hpp"
#include "opencat/version.hpp"

namespace opencat {

using Json = nlohmann::json;

namespace {

Json or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

std::string manifest(const BundlePlan& plan, const Runtime& runtime, const std::vector<MadeBundle>& made) {
  Json bundles = Json::array();
  for (const MadeBundle& one : made) {
    bundles.push_back({{"file", one.name},
                       {"platform", one.platform.name()},
                       {"bytes", one.bytes},
                       {"sha256", one.sha256},
                       {"token_id", or_null(one.token_id)},
                       {"label", or_null(one.label)}});
  }
  const Json document{{"format", layout::format},
                      {"opencat_version", version()},
                      {"server_url", plan.server_url},
                      {"node", {{"version", runtime.version.text()}, {"npm", runtime.npm_version}}},
                      {"app", {{"name", plan.app.name}, {"version", plan.app.version}}},
                      {"bundles", bundles}};
  return document.dump(2) + "\n";
}

}  // namespace

void write_lists(const BundlePlan& plan, const RuntimeCache& cache, const std::vector<Runtime>& runtimes,
                 const std::vector<MadeBundle>& made, const MinisignKey* key,
                 const std::filesystem::path& folder) {
  std::string sums;
  for (const MadeBundle& one : made) sums += one.sha256 + "  " + one.name + "\n";
  // Signed with the sums, they are proved by one signature.
  for (const auto& [name, text] : {std::pair("manifest.json", manifest(plan, runtimes.front(), made)),
                                   std::pair("sbom.cdx.json", sbom(plan, cache, runtimes))}) {
    write_file_atomically(folder / name, text, FileMode::plain);
    sums += sha256_hex(text) + "  " + name + "\n";
  }
  write_file_atomically(folder / "SHA256SUMS", sums, FileMode::plain);
  if (key == nullptr) return;
  write_file_atomically(folder / "SHA256SUMS.minisig", key->sign(sums, "SHA256SUMS"), FileMode::plain);
}

}  // namespace opencat
