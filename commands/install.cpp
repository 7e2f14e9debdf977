// SPDX-License-Identifier: MIT
#include <nlohmann/json.hpp>

#include "bundle/installer.hpp"
#include "commands/command.hpp"
#include "commands/runtime_settings.hpp"
#include "opencat/platform.hpp"

namespace opencat {

namespace {

std::filesystem::path chosen_prefix(const Context& context, const std::filesystem::path& given) {
  return std::filesystem::absolute(given.empty() ? data_folder(context.environment) : given)
      .lexically_normal();
}

class Install : public Command {
 public:
  CommandHelp help() const override {
    return {"install",
            "Install a bundle on this PC",
            {"opencat install opencat-portable-linux-x64.zip",
             "opencat install https://chat.example.com/download/linux-x64",
             "opencat install ./opencat-portable --prefix ~/chat --no-shortcut"}};
  }

  void declare(Settings& settings) override {
    settings.add({"bundle",
                  {},
                  "",
                  "A bundle's zip, its unpacked folder, or the URL of a zip (default: this folder)",
                  &bundle_});
    settings.add(
        {"--prefix", {"OPENCAT_PREFIX"}, "", "Where to (default: opencat in your data folder)", &prefix_});
    settings.add({"--no-shortcut", {}, "", "Put nothing on the desktop", &no_shortcut_});
    settings.add({"--no-browser", {}, "", "Do not open the chat page at the end", &no_browser_});
    settings.add({"--yes", {}, "", "Ask nothing (it asks nothing anyway)", &yes_});
  }

  void run(Context& context) override {
    InstallRequest request;
    request.bundle = bundle_;
    request.prefix = chosen_prefix(context, prefix_);
    request.json = context.output.options().json;
    if (no_shortcut_) request.setup_options.push_back("--no-shortcut");
    if (no_browser_) request.setup_options.push_back("--no-browser");
    if (yes_) request.setup_options.push_back("--yes");
    if (context.output.options().quiet) request.setup_options.push_back("--quiet");
    Installer installer(context.environment, http_options(context), context.output.progress());
    const InstallResult result = installer.install(request, context.stop);
    // What setup.mjs said is the answer to a person.
    nlohmann::json document = result.setup.is_object() ? result.setup : nlohmann::json::object();
    document["prefix"] = request.prefix.string();
    document["folder"] = result.folder.string();
    context.output.result(document, "");
  }

 private:
  std::string bundle_ = ".";
  std::filesystem::path prefix_;
  bool no_shortcut_ = false;
  bool no_browser_ = false;
  bool yes_ = false;
};

class Uninstall : public Command {
 public:
  CommandHelp help() const override {
    return {"uninstall",
            "Remove what `opencat install` made, and nothing else",
            {"opencat uninstall", "opencat uninstall --prefix ~/chat --keep-token"}};
  }

  void declare(Settings& settings) override {
    settings.add(
        {"--prefix", {"OPENCAT_PREFIX"}, "", "Where it is (default: opencat in your data folder)", &prefix_});
    settings.add({"--keep-token", {}, "", "Leave the token for a later installation", &keep_token_});
  }

  void run(Context& context) override {
    const std::filesystem::path prefix = chosen_prefix(context, prefix_);
    std::vector<std::string> options;
    if (keep_token_) options.push_back("--keep-token");
    if (context.output.options().quiet) options.push_back("--quiet");
    Installer installer(context.environment, http_options(context), context.output.progress());
    const UninstallResult result =
        installer.uninstall(prefix, options, context.output.options().json, context.stop);
    nlohmann::json document{{"prefix", prefix.string()}, {"removed", true}};
    std::string text;
    if (!result.was_installed) {
      text = "no version was installed in " + prefix.string() + "; removed what was left there:\n";
      document["leftovers"] = nlohmann::json::array();
      for (const auto& file : result.leftovers) {
        document["leftovers"].push_back(file.string());
        text += "  " + file.string() + "\n";
      }
    }
    context.output.result(document, text);
  }

 private:
  std::filesystem::path prefix_;
  bool keep_token_ = false;
};

}  // namespace

std::unique_ptr<Command> make_install_command() { return std::make_unique<Install>(); }
std::unique_ptr<Command> make_uninstall_command() { return std::make_unique<Uninstall>(); }

}  // namespace opencat
