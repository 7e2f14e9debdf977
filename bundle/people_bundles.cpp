// SPDX-License-Identifier: MIT
// BundleMaker's zips for many people.
#include <algorithm>
#include <atomic>
#include <set>

#include <nlohmann/json.hpp>

#include "bundle/bundle_maker.hpp"
#include "bundle/layout.hpp"
#include "opencat/digest.hpp"
#include "opencat/error.hpp"
#include "opencat/file.hpp"
#include "opencat/parallel.hpp"
#include "opencat/version.hpp"

namespace opencat {

namespace fs = std::filesystem;
using Json = nlohmann::json;

namespace {

/// More at once would only make the server say 429 sooner.
constexpr unsigned at_once = 4;

struct Job {
  const Person* person;
  std::size_t shared;  ///< which of the runtimes
  std::string file;    ///< below the folder
};

/// A digest of what all zips are made of, so that those of two makings are not mixed.
std::string inputs_of(const BundlePlan& plan, const Runtime& runtime) {
  Json files = Json::object();
  for (const std::vector<ZipEntry>* list : {&plan.app.files, &plan.app.tarballs}) {
    for (const ZipEntry& file : *list) {
      const auto* path = std::get_if<fs::path>(&file.content);
      files[file.name] =
          path != nullptr ? sha256_file(*path) : sha256_hex(std::get<std::string>(file.content));
    }
  }
  const Json inputs{version(),
                    plan.server_url,
                    plan.enroll_key,
                    plan.npm_registry,
                    plan.bundled_dependencies,
                    plan.app.start,
                    plan.app.title,
                    plan.app.config,
                    files,
                    runtime.version.text(),
                    runtime.npm_version,
                    plan.time.time_since_epoch().count()};
  return sha256_hex(inputs.dump());
}

void check_inputs(TokenLedger& ledger, const std::string& inputs, const fs::path& folder) {
  if (ledger.inputs().empty() || ledger.entries().empty()) return ledger.set_inputs(inputs);
  if (ledger.inputs() == inputs) return;
  throw Error(ErrorKind::usage, folder.string() +
                                    " has people's zips of another app, Node, server or opencat; finish with "
                                    "those, or name another --out-dir");
}

std::vector<MadeBundle> finished(const TokenLedger& ledger) {
  std::vector<MadeBundle> made;
  for (const LedgerEntry& entry : ledger.entries()) {
    if (!ledger.is_finished(entry)) continue;
    made.push_back({parse_platform(entry.platform), entry.file, entry.bytes, entry.sha256, entry.label,
                    entry.token_id.empty() ? "issued" : entry.token_id});
  }
  std::sort(made.begin(), made.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return made;
}

std::string tokens_csv(const std::vector<MadeBundle>& made) {
  std::string text = "label,file,platform,token_id\r\n";
  for (const MadeBundle& one : made) {
    text += csv_cell(one.label) + "," + csv_cell(one.name) + "," + one.platform.name() + "," +
            csv_cell(one.token_id) + "\r\n";
  }
  return text;
}

}  // namespace

std::vector<MadeBundle> BundleMaker::make_for(const std::vector<Person>& people,
                                              const std::vector<Runtime>& runtimes, std::stop_token stop) {
  TokenLedger ledger(plan_.out_dir);
  IssuedTokens tokens(*tokens_, ledger, entropy_);
  check_inputs(ledger, inputs_of(plan_, runtimes.front()), plan_.out_dir);
  std::set<std::string> there;
  for (const MadeBundle& one : finished(ledger)) there.insert(one.name);
  std::vector<Job> jobs;
  std::set<std::size_t> needed;
  for (const Person& person : people) {
    for (std::size_t i = 0; i < runtimes.size(); ++i) {
      const std::string file = person.folder + "/" + layout::zip_name(runtimes[i].platform);
      if (there.count(file) != 0) continue;
      jobs.push_back({&person, i, file});
      needed.insert(i);
    }
  }
  const TemporaryFolder scratch(plan_.out_dir, making_prefix);
  const fs::path ready = scratch.path() / "ready";
  make_folders(ready);
  std::vector<Runtime> wanted;
  std::vector<std::size_t> place(runtimes.size());
  for (const std::size_t i : needed) {
    place[i] = wanted.size();
    wanted.push_back(runtimes[i]);
  }
  const std::vector<SharedBundle> shared = prepare(wanted, scratch.path(), ready, stop);
  std::atomic<std::uint64_t> done = 0;
  const std::string task = "zips";
  in_parallel(jobs.size(), at_once, stop, [&](std::size_t i, const std::stop_token& its_stop) {
    const Job& job = jobs[i];
    const SharedBundle& bundle = shared[place[job.shared]];
    const auto issued =
        tokens.issue({bundle.platform(), job.person->label, job.person->plan}, job.file, its_stop);
    const fs::path aside = scratch.path() / (issued.install_id + ".zip");
    const WrittenZip zip = bundle.write({job.person->label, issued.text}, aside);
    make_folders(plan_.out_dir / job.person->folder, 0700);
    ledger.written(issued.install_id, zip);
    rename_file(aside, plan_.out_dir / job.file);
    tokens.keep(issued.install_id);
    progress_.advance(task, ++done, jobs.size());
  });
  progress_.end(task);
  std::vector<MadeBundle> made = finished(ledger);
  write_lists(plan_, cache_, runtimes, made, key_, plan_.out_dir);
  if (key_ == nullptr) fs::remove(plan_.out_dir / "SHA256SUMS.minisig");
  write_file_atomically(plan_.out_dir / "tokens.csv", tokens_csv(made), FileMode::secret);
  return made;
}

}  // namespace opencat
