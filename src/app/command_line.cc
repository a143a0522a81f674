// The only file that knows CLI11: its headers take eight seconds to compile.
#include <memory>
#include <set>

#include <CLI/CLI.hpp>

#include "app/command.h"
#include "app/output.h"
#include "base/strings.h"

namespace caisson::app {
namespace {

const std::vector<std::string> kNothing;
const std::string kEmpty;

std::string CodeWord(StatusCode code) {
  return ToLower(ReplaceAll(absl::StatusCodeToString(code), "_", " "));
}

// One parsed command: CLI11 writes into the vectors, which must not move.
struct Slots {
  std::map<std::string, std::vector<std::string>> values;
  std::map<std::string, bool> flags;
  std::vector<std::pair<std::string, CLI::Option*>> options;
  bool json_output = false;
  std::string output = "table";
};

std::string Indent(std::string_view text) {
  std::string out;
  for (const std::string& line : Split(text, '\n')) out += "  " + line + "\n";
  return out;
}

std::string HelpText(const Command& command) {
  std::string usage = "caisson " + command.path;
  std::string arguments;
  for (const PositionalSpec& positional : command.positionals) {
    const std::string shown = positional.name + (positional.repeated ? "..." : "");
    usage += positional.required ? " " + shown : " [" + shown + "]";
    arguments += fmt::format("  {:<28}{}\n", shown, positional.help);
  }
  std::string options;
  for (const OptionSpec& option : command.options) {
    std::string shown = "--" + option.name;
    if (option.kind != OptionKind::kFlag) shown += " " + option.value_name;
    std::string help = option.help;
    if (!option.fallback.empty()) help += fmt::format(" (default {})", option.fallback);
    options += shown.size() < 27 ? fmt::format("  {:<28}{}\n", shown, help)
                                 : fmt::format("  {}\n{:30}{}\n", shown, "", help);
  }
  options += fmt::format("  {:<28}{}\n", "-o json", "Print the result as JSON");
  std::string text = "Example:\n" + Indent(command.example) + "\n" + command.summary +
                     "\n\nUsage: " + usage + " [options]\n";
  if (!arguments.empty()) text += "\nArguments:\n" + arguments;
  return text + "\nOptions:\n" + options;
}

std::string GroupHelp(const std::vector<Command>& commands, std::string_view prefix) {
  std::string text;
  for (const Command& command : commands) {
    if (command.path.rfind(prefix, 0) != 0) continue;
    text += fmt::format("  {:<24}{}\n", command.path, command.summary);
  }
  return text;
}

std::string TopHelp(const std::vector<Command>& commands) {
  return "Example:\n  caisson init && caisson run && caisson up\n\n"
         "Caisson: everything between a dataset and a model that is trusted in "
         "production.\n\nCommands:\n" +
         GroupHelp(commands, "") +
         "\n`caisson COMMAND --help` shows an example and the options of a command.\n";
}

void Declare(const Command& command, CLI::App& app, Slots& slots) {
  for (const PositionalSpec& positional : command.positionals) {
    auto* option =
        app.add_option(positional.name, slots.values["<" + positional.name], positional.help);
    option->required(positional.required);
    if (!positional.repeated) option->expected(1)->allow_extra_args(false);
    slots.options.emplace_back("<" + positional.name, option);
  }
  for (const OptionSpec& spec : command.options) {
    CLI::Option* option = nullptr;
    if (spec.kind == OptionKind::kFlag) {
      option = app.add_flag("--" + spec.name, slots.flags[spec.name], spec.help);
    } else {
      option = app.add_option("--" + spec.name, slots.values[spec.name], spec.help);
      option->expected(1);
      option->allow_extra_args(false);
      option->multi_option_policy(spec.kind == OptionKind::kList
                                      ? CLI::MultiOptionPolicy::TakeAll
                                      : CLI::MultiOptionPolicy::TakeLast);
    }
    slots.options.emplace_back(spec.name, option);
  }
  app.add_option("-o", slots.output, "table or json")->check(CLI::IsMember({"table", "json"}));
}

// CLI11's tree of subcommands, and which command stands where.
class CommandTree {
 public:
  explicit CommandTree(const std::vector<Command>& commands) {
    root_.set_help_flag();
    nodes_[""].app = &root_;
    for (const Command& command : commands) Add(command);
  }

  struct Node {
    CLI::App* app = nullptr;
    const Command* command = nullptr;  // null for a group
    std::unique_ptr<Slots> slots;
  };

  CLI::App& root() { return root_; }
  Node& Find(const std::string& path) { return nodes_.at(path); }
  // The longest path that the words begin with, "models list" of {"models", "list", "delay"}.
  std::string PathOf(const std::vector<std::string>& words) const {
    std::string path;
    for (const std::string& word : words) {
      const std::string next = path.empty() ? word : path + " " + word;
      if (nodes_.find(next) == nodes_.end()) break;
      path = next;
    }
    return path;
  }

 private:
  void Add(const Command& command) {
    std::string prefix;
    CLI::App* app = &root_;
    for (const std::string& word : Split(command.path, ' ')) {
      prefix += (prefix.empty() ? "" : " ") + word;
      Node& node = nodes_[prefix];
      if (node.app == nullptr) {
        node.app = app->add_subcommand(word);
        node.app->set_help_flag();
      }
      app = node.app;
    }
    Node& leaf = nodes_[prefix];
    leaf.command = &command;
    leaf.slots = std::make_unique<Slots>();
    Declare(command, *app, *leaf.slots);
  }

  CLI::App root_{"caisson"};
  std::map<std::string, Node> nodes_;
};

// The words of a command line without its options' dashes, and whether it asks for help.
struct Words {
  std::vector<std::string> words;
  bool wants_help = false;
};

Words ReadWords(int argc, char** argv) {
  Words read;
  read.wants_help = argc == 1;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--") break;
    if (word == "--help" || word == "-h" || (i == 1 && word == "help")) {
      read.wants_help = true;
    } else {
      read.words.push_back(word);
    }
  }
  return read;
}

size_t WordCount(const std::string& path) { return path.empty() ? 0 : Split(path, ' ').size(); }

int ReportUnknown(const std::vector<Command>& commands, const std::string& path,
                  const std::vector<std::string>& words) {
  const std::string bad = words.size() > WordCount(path) ? words[WordCount(path)] : "";
  std::set<std::string> next_words;
  for (const Command& command : commands) {
    if (!path.empty() && command.path.rfind(path + " ", 0) != 0) continue;
    next_words.insert(Split(command.path.substr(path.empty() ? 0 : path.size() + 1), ' ').front());
  }
  PrintError(fmt::format("error: unknown command '{}'{}\nNext: caisson --help\n", bad,
                         SuggestName(bad, {next_words.begin(), next_words.end()})));
  return kExitUsage;
}

int ReportError(const Status& status, bool json_output) {
  if (json_output) {
    PrintJson(Json::Of(
        {{"error", Json::Of({{"code", CodeWord(status.code())}, {"message", Message(status)}})}}));
  } else {
    PrintError(fmt::format("error: {}\n", Message(status)));
  }
  return ExitCodeOf(status);
}

}  // namespace

int ExitCodeOf(const Status& status) {
  switch (status.code()) {
    case StatusCode::kOk:
      return kExitOk;
    case StatusCode::kInvalidArgument:
      return kExitUsage;
    case StatusCode::kUnavailable:
      return kExitUnreachable;
    case StatusCode::kPermissionDenied:
    case StatusCode::kUnauthenticated:
      return kExitDenied;
    case StatusCode::kNotFound:
      return kExitNotFound;
    case StatusCode::kAlreadyExists:
    case StatusCode::kAborted:
      return kExitConflict;
    default:
      return kExitFailed;
  }
}

bool Invocation::Flag(std::string_view name) const { return given_.find(name) != given_.end(); }

const std::string& Invocation::Value(std::string_view name) const {
  const auto it = values_.find(name);
  return it == values_.end() || it->second.empty() ? kEmpty : it->second.back();
}

bool Invocation::Given(std::string_view name) const { return given_.find(name) != given_.end(); }

const std::vector<std::string>& Invocation::List(std::string_view name) const {
  const auto it = values_.find(name);
  return it == values_.end() ? kNothing : it->second;
}

const std::string& Invocation::Argument(std::string_view name) const {
  return Value("<" + std::string(name));
}

const std::vector<std::string>& Invocation::Arguments(std::string_view name) const {
  return List("<" + std::string(name));
}

std::map<std::string, std::string> Invocation::GivenValues() const {
  std::map<std::string, std::string> given;
  for (const auto& [name, values] : given_) {
    if (name.front() != '<') given[name] = values.empty() ? "true" : values.back();
  }
  return given;
}

int CommandLine::Run(int argc, char** argv) const {
  CommandTree tree(commands_);
  // Help is ours, so it is answered before CLI11 can complain about what is missing.
  const Words read = ReadWords(argc, argv);
  const std::string path = tree.PathOf(read.words);
  CommandTree::Node& node = tree.Find(path);
  const bool group_alone =
      node.command == nullptr && !path.empty() && read.words.size() <= WordCount(path);
  if (read.wants_help || group_alone) {
    Print(path.empty()              ? TopHelp(commands_)
          : node.command != nullptr ? HelpText(*node.command)
                                    : "Commands:\n" + GroupHelp(commands_, path + " "));
    return kExitOk;
  }
  if (node.command == nullptr) return ReportUnknown(commands_, path, read.words);
  try {
    tree.root().parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    PrintError(fmt::format("error: {}\nNext: caisson {} --help\n", error.what(), path));
    return kExitUsage;
  }

  Invocation invocation;
  invocation.path_ = path;
  invocation.json_output_ = node.slots->output == "json";
  for (const OptionSpec& option : node.command->options) {
    if (!option.fallback.empty()) invocation.values_[option.name] = {option.fallback};
  }
  for (const auto& [name, option] : node.slots->options) {
    if (option->count() == 0) continue;
    invocation.given_[name] = node.slots->values[name];
    invocation.values_[name] = node.slots->values[name];
  }
  const Result<int> result = node.command->run(invocation);
  return result.ok() ? *result : ReportError(result.status(), invocation.json_output());
}

}  // namespace caisson::app
