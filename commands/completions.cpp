// SPDX-License-Identifier: MIT
// Completion in shells. A shell's script asks this command for what fits behind the words so far, so that
// whatever a command takes is completed, and nothing else, by the very executable that will be run.
#include <nlohmann/json.hpp>

#include "commands/command.hpp"
#include "commands/command_line.hpp"
#include "opencat/assets.hpp"
#include "opencat/error.hpp"
#include "opencat/text.hpp"

namespace opencat {

namespace {

const std::vector<std::string> shells = {"bash", "zsh", "fish"};

/// Lines of "WORD<tab>DESCRIPTION"; ":files" asks the shell to offer files.
class Candidates {
 public:
  explicit Candidates(std::string current) : current_(std::move(current)) {}

  void offer(const std::string& word, const std::string& description) {
    if (!word.starts_with(current_)) return;
    words_.push_back(word);
    // Help texts go on with details in parentheses, which make a list unreadable.
    text_ += word + "\t" + description.substr(0, description.find(" (")) + "\n";
  }
  void offer_values_of(const FlagHelp& flag) {
    for (const std::string& choice : flag.choices) offer(choice, flag.help.substr(0, flag.help.find(':')));
    if (flag.takes_file) text_ += ":files\n";
  }

  const std::vector<std::string>& words() const { return words_; }
  const std::string& text() const { return text_; }

 private:
  std::string current_;
  std::vector<std::string> words_;
  std::string text_;
};

const FlagHelp* find_flag(const std::vector<FlagHelp>& flags, const std::string& word) {
  for (const FlagHelp& flag : flags) {
    if (contains(flag.names, word)) return &flag;
  }
  return nullptr;
}

void offer_for(const std::vector<FlagHelp>& flags, const std::vector<std::string>& words, Candidates& found) {
  // Behind the command: words that stand by themselves are counted, values of flags are passed over.
  std::size_t position = 0;
  const FlagHelp* wants_value = nullptr;
  for (std::size_t i = 1; i + 1 < words.size(); ++i) {
    if (wants_value) {
      wants_value = nullptr;
    } else if (words[i].starts_with('-')) {
      const FlagHelp* flag = find_flag(flags, words[i]);
      if (flag != nullptr && flag->takes_value) wants_value = flag;
    } else {
      ++position;
    }
  }
  if (wants_value) return found.offer_values_of(*wants_value);
  if (!words.back().starts_with('-')) {
    std::vector<const FlagHelp*> alone;
    for (const FlagHelp& flag : flags) {
      if (!flag.names.front().starts_with('-')) alone.push_back(&flag);
    }
    if (!alone.empty()) found.offer_values_of(*alone[std::min(position, alone.size() - 1)]);
    if (!words.back().empty() || !found.text().empty()) return;
  }
  for (const FlagHelp& flag : flags) {
    if (flag.names.back().starts_with("--")) found.offer(flag.names.back(), flag.help);
  }
}

class Completions : public Command {
 public:
  CommandHelp help() const override {
    return {"completions",
            "Print the script with which a shell completes opencat's words",
            {"eval \"$(opencat completions bash)\"   # in ~/.bashrc; zsh: in ~/.zshrc, behind compinit",
             "opencat completions fish >~/.config/fish/completions/opencat.fish"}};
  }

  void declare(Settings& settings) override {
    settings.add({"shell", {}, "", "Which one", &shell_, Unit::none, {"bash", "zsh", "fish", "words"}});
    settings.add({"words", {}, "", "words: what was typed so far, as the scripts ask", &words_});
  }

  void run(Context& context) override {
    if (shell_ == "words") return offer(context.output);
    if (shell_.empty() || !words_.empty()) {
      throw Error(ErrorKind::usage,
                  "name one shell, as in 'opencat completions bash': " + join(shells, ", "));
    }
    const std::string script(asset("templates/completions/opencat." + shell_));
    context.output.result({{"shell", shell_}, {"script", script}}, script);
  }

 private:
  void offer(Output& output) const {
    Candidates found(words_.empty() ? std::string() : words_.back());
    for (const auto& command : all_commands()) {
      const CommandHelp help = command->help();
      if (words_.size() < 2) {
        found.offer(help.name, help.summary);
      } else if (words_.front() == help.name) {
        Settings settings;
        command->declare(settings);
        offer_for(flags_of(help, settings), words_, found);
      }
    }
    output.result(found.words(), found.text());
  }

  std::string shell_;
  std::vector<std::string> words_;
};

}  // namespace

std::unique_ptr<Command> make_completions_command() { return std::make_unique<Completions>(); }

}  // namespace opencat
