// SPDX-License-Identifier: MIT
#include <nlohmann/json.hpp>

#include "commands/command.hpp"
#include "opencat/error.hpp"
#include "server/move_data.hpp"

namespace opencat {

namespace {

class Migrate : public Command {
 public:
  CommandHelp help() const override {
    return {"migrate",
            "Move a server's tokens and counts between SQLite and PostgreSQL",
            {"opencat migrate --from sqlite:opencat-data --to postgresql://opencat@db.example.com/opencat",
             "opencat migrate --from sqlite:opencat-data --to file:store-address   # the password in no "
             "command line",
             "opencat migrate --from postgresql://opencat@db.example.com/opencat --to sqlite:back/opencat.db",
             "# Stop the servers before it; interrupted, the same command goes on where it was"}};
  }

  void declare(Settings& settings) override {
    settings.add_secret(
        {"--from",
         {"OPENCAT_MIGRATE_FROM"},
         "",
         "What to move: sqlite:FILE or FOLDER, postgresql://…, or file:FILE with such an address",
         &from_});
    settings.add_secret({"--to", {"OPENCAT_MIGRATE_TO"}, "", "Where to: the same; it must be empty", &to_});
  }

  void run(Context& context) override {
    if (from_.empty() || to_.empty()) {
      throw Error(ErrorKind::usage,
                  "name both, as in 'opencat migrate --from sqlite:opencat-data --to postgresql://…'");
    }
    const MovedRows moved = move_data(
        from_, to_, [&](const std::string& line) { context.output.say(line); }, context.stop);
    context.output.result({{"plans", moved.plans},
                           {"tokens", moved.tokens},
                           {"usage", moved.usage},
                           {"written", moved.written}},
                          std::to_string(moved.tokens) + " tokens and " + std::to_string(moved.usage) +
                              " rows of usage (and " + std::to_string(moved.plans) +
                              " plans) are there, each compared; the source is as it was\n");
  }

 private:
  std::string from_;
  std::string to_;
};

}  // namespace

std::unique_ptr<Command> make_migrate_command() { return std::make_unique<Migrate>(); }

}  // namespace opencat
