// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "bundle/app.hpp"
#include "bundle/runtime_cache.hpp"
#include "bundle/zip_writer.hpp"
#include "opencat/progress.hpp"

namespace opencat {

/// What all bundles of one run have in common.
struct BundlePlan {
  std::string server_url;
  std::string enroll_key;    ///< empty: none
  std::string npm_registry;  ///< empty: what the user's npm is configured for
  std::string label;
  std::string token_plan;  ///< of the tokens in the zips, as in TokenWish; people have their own
  App app;
  bool bundled_dependencies = false;
  /// Node modules for a platform, when they are bundled; their files live in the folder given. None: the app
  /// has no dependencies. Called by several threads at once.
  std::function<std::vector<ZipEntry>(const Platform&, const std::filesystem::path& scratch,
                                      const std::stop_token& stop)>
      dependencies;
  std::map<std::string, std::string> opencat_programs;  ///< opencat itself, by the platform's name
  std::filesystem::path out_dir;
  Time time;             ///< what every entry of a zip bears
  unsigned threads = 0;  ///< at work at once; 0: as many as the machine runs
};

/// What is one installation's own in a zip.
struct Personal {
  std::string label;  ///< empty: none
  std::string token;  ///< the text of token.json; empty: there is none
};

/// One platform's bundle without what is a person's own: the doors, the app and the runtime, written and
/// hashed once. A person's zip is a copy of it with bundle.json and token.json behind, at little more than
/// the cost of copying the file.
class SharedBundle {
 public:
  /// Makes it, in a file of that name; it is removed with this object, and left unless finish() was called.
  /// Throws Error(usage) for what no bundle can hold, Error(integrity) for a runtime that is damaged.
  SharedBundle(const BundlePlan& plan, const RuntimeCache& cache, Runtime runtime,
               const std::filesystem::path& file, const std::filesystem::path& scratch, Progress& progress,
               const std::stop_token& stop);

  const Platform& platform() const { return runtime_.platform; }

  /// Writes a person's zip to `file`, which must not exist. Any thread, several at once. With a token or an
  /// enrolment key in it only its owner may read it.
  WrittenZip write(const Personal& personal, const std::filesystem::path& file) const;
  /// The same without copying: the file that the constructor was told becomes the one zip, or the last.
  /// Nothing may be called after it.
  WrittenZip finish(const Personal& personal);

 private:
  WrittenZip add_personal(ZipWriter& zip, const Personal& personal) const;

  Runtime runtime_;
  bool has_key_;
  ZipWriter zip_;
  /// bundle.json before its label and behind it: most of it is the list of files, the same for all.
  std::string before_label_;
  std::string behind_label_;
};

}  // namespace opencat
