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
  std::string text = "Example:\n" + Indent(command.example) + "\n" + command.summary + "\n\nUsage: " + usage + " [options]\n";
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
         "Caisson: everything between a dataset and a model that is trusted in production.\n\nCommands:\n" +
         GroupHelp(commands, "") + "\n`caisson COMMAND --help` shows an example and the options of a command.\n";
}

void Declare(const Command& command, CLI::App& app, Slots& slots) {
  for (const PositionalSpec& positional : command.positionals) {
    auto* option = app.add_option(positional.name, slots.values["<" + positional.name], positional.help);
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
      option->multi_option_policy(spec.kind == OptionKind::kList ? CLI::MultiOptionPolicy::TakeAll
                                                                 : CLI::MultiOptionPolicy::TakeLast);
    }
    slots.options.emplace_back(spec.name, option);
  }
  app.add_option("-o", slots.output, "table or json")->check(CLI::IsMember({"table", "json"}));
}

}  // namespace

int ExitCodeOf(const Status& status) {
  switch (status.code()) {
    case StatusCode::kOk: return kExitOk;
    case StatusCode::kInvalidArgument: return kExitUsage;
    case StatusCode::kUnavailable: return kExitUnreachable;
    case StatusCode::kPermissionDenied:
    case StatusCode::kUnauthenticated: return kExitDenied;
    case StatusCode::kNotFound: return kExitNotFound;
    case StatusCode::kAlreadyExists:
    case StatusCode::kAborted: return kExitConflict;
    default: return kExitFailed;
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

const std::string& Invocation::Argument(std::string_view name) const { return Value("<" + std::string(name)); }

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
  CLI::App root("caisson");
  root.set_help_flag();
  std::map<std::string, CLI::App*> groups{{"", &root}};
  std::map<CLI::App*, const Command*> by_app;
  std::map<CLI::App*, std::unique_ptr<Slots>> slots;
  for (const Command& command : commands_) {
    std::string prefix;
    CLI::App* app = &root;
    for (const std::string& word : Split(command.path, ' ')) {
      prefix += (prefix.empty() ? "" : " ") + word;
      CLI::App*& group = groups[prefix];
      if (group == nullptr) {
        group = app->add_subcommand(word);
        group->set_help_flag();
      }
      app = group;
    }
    by_app[app] = &command;
    slots[app] = std::make_unique<Slots>();
    Declare(command, *app, *slots[app]);
  }

  // Help is ours, so it is answered before CLI11 can complain about what is missing.
  std::vector<std::string> words;
  bool wants_help = argc == 1;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--") break;
    if (word == "--help" || word == "-h" || (i == 1 && word == "help")) {
      wants_help = true;
    } else {
      words.push_back(word);
    }
  }
  std::string path;
  for (const std::string& word : words) {
    const std::string next = path.empty() ? word : path + " " + word;
    if (groups.find(next) == groups.end()) break;
    path = next;
  }
  CLI::App* named = groups[path];
  const auto command_here = by_app.find(named);
  if (wants_help || (command_here == by_app.end() && words.size() <= Split(path, ' ').size() && !path.empty())) {
    const std::string help = path.empty()                      ? TopHelp(commands_)
                             : command_here != by_app.end()    ? HelpText(*command_here->second)
                                                               : "Commands:\n" + GroupHelp(commands_, path + " ");
    Print(help);
    return kExitOk;
  }
  if (command_here == by_app.end()) {
    const std::string bad = words.empty() ? "" : words[path.empty() ? 0 : Split(path, ' ').size()];
    std::set<std::string> next_words;
    for (const Command& command : commands_) {
      if (path.empty() || command.path.rfind(path + " ", 0) == 0) {
        next_words.insert(Split(command.path.substr(path.empty() ? 0 : path.size() + 1), ' ').front());
      }
    }
    PrintError(fmt::format("error: unknown command '{}'{}\nNext: caisson --help\n", bad,
                           SuggestName(bad, {next_words.begin(), next_words.end()})));
    return kExitUsage;
  }

  const Command& command = *command_here->second;
  Slots& values = *slots[named];
  try {
    root.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    PrintError(fmt::format("error: {}\nNext: caisson {} --help\n", error.what(), command.path));
    return kExitUsage;
  }

  Invocation invocation;
  invocation.path_ = command.path;
  invocation.json_output_ = values.output == "json";
  for (const OptionSpec& option : command.options) {
    if (!option.fallback.empty()) invocation.values_[option.name] = {option.fallback};
  }
  for (const auto& [name, option] : values.options) {
    if (option->count() == 0) continue;
    invocation.given_[name] = values.values[name];
    invocation.values_[name] = values.values[name];
  }
  const Result<int> result = command.run(invocation);
  if (result.ok()) return *result;
  if (invocation.json_output()) {
    PrintJson(Json::Of({{"error", Json::Of({{"code", CodeWord(result.status().code())},
                                            {"message", Message(result.status())}})}}));
  } else {
    PrintError(fmt::format("error: {}\n", Message(result.status())));
  }
  return ExitCodeOf(result.status());
}

}  // namespace caisson::app
