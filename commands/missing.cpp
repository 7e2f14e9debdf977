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

<<<<<<< HEAD
std::unique_ptr<Command> make_fetch_command() { return std::make_unique<Missing>("fetch"); }
std::unique_ptr<Command> make_bundle_command() { return std::make_unique<Missing>("bundle"); }
std::unique_ptr<Command> make_install_command() { return std::make_unique<Missing>("install"); }
std::unique_ptr<Command> make_uninstall_command() { return std::make_unique<Missing>("uninstall"); }
=======
std::unique_ptr<Command> make_serve_command() { return std::make_unique<Missing>("serve"); }
>>>>>>> bundle

}  // namespace opencat
