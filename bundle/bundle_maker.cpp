// SPDX-License-Identifier: MIT
#include "bundle/bundle_maker.hpp"

#include <charconv>
#include <optional>

#include <nlohmann/json.hpp>

#include "bundle/layout.hpp"
#include "opencat/error.hpp"
#include "opencat/file.hpp"
#include "opencat/parallel.hpp"
#include "opencat/version.hpp"

namespace opencat {

namespace fs = std::filesystem;
using Json = nlohmann::json;

namespace {

/// Moves the files of `ready` to `folder`, replacing what has their names there; when one cannot be moved,
/// all is put back. What they replace ends up in `aside`.
void move_all(const fs::path& ready, const fs::path& folder, const fs::path& aside) {
  std::vector<fs::path> names;
  for (const auto& entry : fs::directory_iterator(ready)) names.push_back(entry.path().filename());
  std::vector<fs::path> replaced;
  std::vector<fs::path> moved;
  try {
    for (const fs::path& name : names) {
      if (fs::is_directory(folder / name)) {
        throw Error(ErrorKind::failed, (folder / name).string() + " is a folder; move it away");
      }
      if (fs::exists(fs::symlink_status(folder / name))) {
        rename_file(folder / name, aside / name);
        replaced.push_back(name);
      }
      rename_file(ready / name, folder / name);
      moved.push_back(name);
    }
  } catch (...) {
    std::error_code ignored;
    for (const fs::path& name : moved) fs::rename(folder / name, ready / name, ignored);
    for (const fs::path& name : replaced) fs::rename(aside / name, folder / name, ignored);
    throw;
  }
}

}  // namespace

std::vector<SharedBundle> BundleMaker::prepare(const std::vector<Runtime>& runtimes, const fs::path& scratch,
                                               const fs::path& ready, const std::stop_token& stop) {
  std::vector<std::optional<SharedBundle>> prepared(runtimes.size());
  in_parallel(runtimes.size(), plan_.threads, stop, [&](std::size_t i, const std::stop_token& its_stop) {
    const std::string name = layout::zip_name(runtimes[i].platform);
    progress_.say("making " + name);
    prepared[i].emplace(plan_, cache_, runtimes[i], ready / name, scratch / runtimes[i].platform.name(),
                        progress_, its_stop);
  });
  std::vector<SharedBundle> shared;
  for (auto& one : prepared) shared.push_back(std::move(one.value()));
  return shared;
}

MadeBundle BundleMaker::personalise(SharedBundle& shared, IssuedTokens* tokens, TokenLedger& ledger,
                                    std::vector<std::string>& installations, const std::stop_token& stop) {
  MadeBundle made;
  made.platform = shared.platform();
  made.name = layout::zip_name(shared.platform());
  made.label = plan_.label;
  if (tokens == nullptr) {
    const WrittenZip written = shared.finish({plan_.label, {}});
    made.bytes = written.bytes;
    made.sha256 = written.sha256;
    return made;
  }
  const IssuedTokens::Issued issued =
      tokens->issue({made.platform, plan_.label, plan_.token_plan}, made.name, stop);
  const WrittenZip written = shared.finish({plan_.label, issued.text});
  ledger.written(issued.install_id, written);
  installations.push_back(issued.install_id);
  made.token_id = issued.token_id;
  made.bytes = written.bytes;
  made.sha256 = written.sha256;
  return made;
}

std::vector<MadeBundle> BundleMaker::make(const std::vector<Runtime>& runtimes, std::stop_token stop) {
  TokenLedger ledger(plan_.out_dir);
  // In the same folder, so that the zips need only be renamed.
  const TemporaryFolder scratch(plan_.out_dir, making_prefix);
  const fs::path ready = scratch.path() / "ready";
  const fs::path aside = scratch.path() / "aside";
  for (const fs::path& folder : {ready, aside}) make_folders(folder);
  std::vector<SharedBundle> shared = prepare(runtimes, scratch.path(), ready, stop);
  // Only now, when nothing can be wrong with the zips any more, are tokens asked for.
  std::optional<IssuedTokens> tokens;
  if (tokens_ != nullptr) tokens.emplace(*tokens_, ledger, entropy_);
  std::vector<MadeBundle> made;
  std::vector<std::string> installations;
  for (SharedBundle& one : shared) {
    made.push_back(personalise(one, tokens ? &*tokens : nullptr, ledger, installations, stop));
  }
  write_lists(plan_, cache_, runtimes, made, key_, ready);
  if (stop.stop_requested()) throw Error(ErrorKind::interrupted, "interrupted");
  move_all(ready, plan_.out_dir, aside);
  // The signature of other sums would only mislead.
  if (key_ == nullptr) fs::remove(plan_.out_dir / "SHA256SUMS.minisig");
  for (const std::string& installation : installations) tokens->keep(installation);
  // People's zips are in folders; these have been handed over, as have those of a run that was killed here.
  for (const LedgerEntry& entry : ledger.entries()) {
    if (entry.file.find('/') == std::string::npos) ledger.forget(entry.install_id);
  }
  return made;
}

Time bundle_time(const Environment& environment) {
  const std::string text = environment.get("SOURCE_DATE_EPOCH").value_or("");
  std::int64_t seconds = 0;
  if (text.empty()) return Time{};
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  // Year 2100 is as far as every reader of the format's two words counts on.
  if (problem != std::errc{} || end != text.data() + text.size() || seconds < 0 || seconds > 4'102'444'800) {
    throw Error(ErrorKind::usage, "SOURCE_DATE_EPOCH wants seconds since 1970, not '" + text + "'");
  }
  return Time{std::chrono::seconds(seconds)};
}

}  // namespace opencat
