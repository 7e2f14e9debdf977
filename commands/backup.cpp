// SPDX-License-Identifier: MIT

#include <nlohmann/json.hpp>

#include "commands/command.hpp"
#include "commands/serve_settings.hpp"
#include "opencat/error.hpp"
#include "opencat/text.hpp"
#include "server/local_admin.hpp"

namespace opencat {

namespace {

class Backup : public Command {
 public:
  CommandHelp help() const override {
    return {"backup",
            "Copy the server's database into one file, also while it serves",
            {"opencat backup opencat-backup.db",
             "opencat backup --data-dir /srv/opencat --force /backup/latest.db",
             "# To restore it: stop the server, and put the file into the data folder as opencat.db"}};
  }

  void declare(Settings& settings) override {
    settings.add({"file", {}, "", "The file to make", &file_});
    settings.add({"--data-dir", {"OPENCAT_DATA_DIR"}, "", "The server's data folder", &data_dir_});
    settings.add({"--force", {}, "", "Replace the file if it is there", &force_});
  }

  std::filesystem::path default_config_file() const override { return data_dir_ / "opencat.toml"; }

  void run(Context& context) override {
    refuse_shared_store(context);
    if (file_.empty()) {
      throw Error(ErrorKind::usage, "name the file to make, as in 'opencat backup opencat-backup.db'");
    }
    if (std::filesystem::is_directory(file_)) {
      throw Error(ErrorKind::usage, file_.string() + " is a folder; name a file in it");
    }
    if (!force_ && std::filesystem::exists(file_)) {
      throw Error(ErrorKind::usage,
                  file_.string() + " is there already; name another, or replace it with --force");
    }
    const auto bytes = back_up_data(data_dir_, file_, context.stop);
    context.output.result({{"file", file_.string()}, {"bytes", bytes}},
                          file_.string() + ", " + human_size(bytes) + "\n");
  }

 private:
  /// What `opencat serve` would be given here may name a store that is no file.
  static void refuse_shared_store(const Context& context) {
    ServeSettings serve;
    Settings rows;
    serve.declare(rows);
    context.fill_again(rows);
    if (serve.data_options().store.empty()) return;
    throw Error(
        ErrorKind::usage,
        "this server's data is in PostgreSQL (--store): back it up with pg_dump, or copy it into a file "
        "with 'opencat migrate --to sqlite:FILE'");
  }

  std::filesystem::path file_;
  std::filesystem::path data_dir_ = "opencat-data";
  bool force_ = false;
};

}  // namespace

std::unique_ptr<Command> make_backup_command() { return std::make_unique<Backup>(); }

}  // namespace opencat
