// SPDX-License-Identifier: MIT
#include "commands/command.hpp"
#include "opencat/error.hpp"

namespace opencat {

namespace {

class Missing : public Command {
 public:
  explicit Missing(std::string name) : name_(std::move(name)) {}
  CommandHelp help() const override { return {name_, "", {}}; }
  void declare(Settings&) override {}
  void run(Context&) override { throw Error(ErrorKind::failed, name_ + " is not there yet"); }

 private:
  std::string name_;
};

}  // namespace

std::unique_ptr<Command> make_serve_command() { return std::make_unique<Missing>("serve"); }

}  // namespace opencat
