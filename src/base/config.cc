#include "base/config.h"

#include <cstdio>
#include <cstdlib>

#include "base/clock.h"
#include "base/strings.h"

namespace caisson {
namespace {

constexpr std::string_view kPrefix = "CAISSON_";

std::string VariableName(std::string_view setting) {
  std::string out(kPrefix);
  for (const char c : setting)
    out += c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return out;
}

std::optional<bool> ParseBool(std::string_view text) {
  const std::string lower = ToLower(text);
  for (const std::string_view word : {"true", "yes", "on", "1"}) {
    if (lower == word) return true;
  }
  for (const std::string_view word : {"false", "no", "off", "0"}) {
    if (lower == word) return false;
  }
  return std::nullopt;
}

// `where` names the flag, variable or key that the value comes from.
Status CheckValue(const SettingSpec& spec, std::string_view value, std::string_view where) {
  switch (spec.kind) {
    case SettingKind::kString:
      return OkStatus();
    case SettingKind::kInt:
      if (ParseInt(value)) return OkStatus();
      return InvalidArgument("{}: '{}' is not an integer; accepted are whole numbers like 4", where,
                             value);
    case SettingKind::kBool:
      if (ParseBool(value)) return OkStatus();
      return InvalidArgument(
          "{}: '{}' is neither true nor false; accepted are true, false, yes, no, on, off, 1 and 0",
          where, value);
    case SettingKind::kDuration: {
      const auto duration = ParseDuration(value);
      return duration.ok() ? OkStatus() : WithContext(duration.status(), where);
    }
  }
  return Internal("the setting {} has no kind", spec.name);
}

// The text of a scalar in the file; nothing for a list or a map.
std::optional<std::string> ScalarText(const Json& value) {
  if (value.is_string()) return value.AsString();
  if (value.is_number() || value.is_bool()) return WriteJson(value);
  return std::nullopt;
}

[[noreturn]] void Die(std::string_view name, const char* problem) {
  std::fprintf(stderr, "caisson: the setting '%.*s' %s; this is a defect of the program\n",
               static_cast<int>(name.size()), name.data(), problem);
  std::abort();
}

// Where each setting's values may come from, one source after the other.
class Loader {
 public:
  Loader(const std::vector<SettingSpec>& specs, const Config::Sources& sources)
      : specs_(specs), sources_(sources) {}

  Status CheckNames(const std::vector<std::string>& other_variables) const {
    std::vector<std::string> names;
    std::vector<std::string> variables = other_variables;
    for (const SettingSpec& spec : specs_) {
      names.push_back(spec.name);
      variables.push_back(VariableName(spec.name));
    }
    const auto contains = [](const std::vector<std::string>& list, std::string_view name) {
      return std::find(list.begin(), list.end(), name) != list.end();
    };
    for (const auto& [name, value] : sources_.flags) {
      if (!contains(names, name))
        return InvalidArgument("unknown flag --{}{}", name, SuggestName(name, names));
    }
    for (const auto& [name, value] : sources_.environment) {
      if (!std::string_view(name).starts_with(kPrefix) || contains(variables, name)) continue;
      return InvalidArgument("unknown environment variable {}{}", name,
                             SuggestName(name, variables));
    }
    if (!sources_.file.is_null() && !sources_.file.is_object()) {
      return InvalidArgument("{}: 'server' must be a map of settings, not of type {}",
                             sources_.file_name, sources_.file.type_name());
    }
    for (const auto& [name, value] : sources_.file.object()) {
      if (!contains(names, name)) {
        return InvalidArgument("{}: unknown setting 'server.{}'{}", sources_.file_name, name,
                               SuggestName(name, names));
      }
    }
    return OkStatus();
  }

  // Finds the strongest source of a setting. A weaker one that is wrong is an error all the same:
  // it would come to light only when the stronger one is taken away.
  Status Find(const SettingSpec& spec, std::string& value, SettingOrigin& origin) const {
    CAISSON_TRY(CheckValue(spec, spec.fallback, fmt::format("the default of {}", spec.name)));
    value = spec.fallback;
    origin = SettingOrigin::kDefault;
    const Json& in_file = sources_.file[spec.name];
    if (!in_file.is_null()) {
      const std::string where = fmt::format("{}: server.{}", sources_.file_name, spec.name);
      const auto text = ScalarText(in_file);
      if (!text)
        return InvalidArgument("{}: must be a single value, not of type {}", where,
                               in_file.type_name());
      CAISSON_TRY(CheckValue(spec, *text, where));
      value = *text;
      origin = SettingOrigin::kFile;
    }
    const std::string variable = VariableName(spec.name);
    const auto in_environment = sources_.environment.find(variable);
    if (in_environment != sources_.environment.end()) {
      CAISSON_TRY(CheckValue(spec, in_environment->second, variable));
      value = in_environment->second;
      origin = SettingOrigin::kEnvironment;
    }
    const auto flag = sources_.flags.find(spec.name);
    if (flag != sources_.flags.end()) {
      CAISSON_TRY(CheckValue(spec, flag->second, "--" + spec.name));
      value = flag->second;
      origin = SettingOrigin::kFlag;
    }
    return OkStatus();
  }

 private:
  const std::vector<SettingSpec>& specs_;
  const Config::Sources& sources_;
};

}  // namespace

std::string_view OriginName(SettingOrigin origin) {
  switch (origin) {
    case SettingOrigin::kDefault:
      return "default";
    case SettingOrigin::kFile:
      return "file";
    case SettingOrigin::kEnvironment:
      return "environment";
    case SettingOrigin::kFlag:
      return "flag";
  }
  return "unknown";
}

Result<Config> Config::Load(const std::vector<SettingSpec>& specs, const Sources& sources,
                            const std::vector<std::string>& other_variables) {
  const Loader loader(specs, sources);
  CAISSON_TRY(loader.CheckNames(other_variables));
  Config config;
  for (const SettingSpec& spec : specs) {
    Setting setting;
    setting.spec = spec;
    CAISSON_TRY(loader.Find(spec, setting.value, setting.origin));
    config.settings_.push_back(std::move(setting));
  }
  return config;
}

const Config::Setting& Config::Find(std::string_view name) const {
  for (const Setting& setting : settings_) {
    if (setting.spec.name == name) return setting;
  }
  Die(name, "was never declared");
}

const Config::Setting& Config::Get(std::string_view name, SettingKind kind) const {
  const Setting& setting = Find(name);
  if (setting.spec.kind != kind) Die(name, "is read as another kind than it was declared with");
  return setting;
}

const std::string& Config::String(std::string_view name) const {
  return Get(name, SettingKind::kString).value;
}

// Load has checked the values, so that the fallbacks below are never taken.
int64_t Config::Int(std::string_view name) const {
  return ParseInt(Get(name, SettingKind::kInt).value).value_or(0);
}

bool Config::Bool(std::string_view name) const {
  return ParseBool(Get(name, SettingKind::kBool).value).value_or(false);
}

std::chrono::nanoseconds Config::Duration(std::string_view name) const {
  return ParseDuration(Get(name, SettingKind::kDuration).value)
      .value_or(std::chrono::nanoseconds(0));
}

SettingOrigin Config::origin(std::string_view name) const { return Find(name).origin; }

Json Config::Describe() const {
  Json out = Json::MakeArray();
  for (const Setting& setting : settings_) {
    out.Append(Json::Of({{"name", setting.spec.name},
                         {"value", setting.value},
                         {"origin", OriginName(setting.origin)},
                         {"help", setting.spec.help}}));
  }
  return out;
}

}  // namespace caisson
