#include "server/command_line.h"

#include <algorithm>
#include <optional>

#include "protocol/base/strings.h"
#include "server/go_flags.h"
#include "server/options_reader.h"
#include "server/options_support.h"
#include "server/usage_text.h"

namespace weir::server {

namespace {

// What flags say beyond the options.
struct Special {
  bool version = false;
  bool help = false;
  bool tls_help = false;
  bool test_config = false;
  std::string config;
  std::string signal;
  std::optional<bool> tls;
  bool tls_details = false;
  std::optional<std::string> cluster;
  std::optional<std::string> routes;
};

struct Target {
  Options& options;
  Special& special;
};

struct Flag {
  std::string_view names;
  FlagKind kind;
  void (*apply)(const GivenFlag& flag, Target target);
};

template <auto kMember>
void Text(const GivenFlag& flag, Target target) {
  target.options.*kMember = flag.text;
}
template <auto kPart, auto kMember>
void TextIn(const GivenFlag& flag, Target target) {
  target.options.*kPart.*kMember = flag.text;
}
template <auto kPart, auto kMember>
void NumberIn(const GivenFlag& flag, Target target) {
  auto& field = target.options.*kPart.*kMember;
  field = static_cast<std::remove_reference_t<decltype(field)>>(flag.integer);
}
template <auto kPart, auto kMember>
void SwitchIn(const GivenFlag& flag, Target target) {
  target.options.*kPart.*kMember = flag.on;
}
template <auto kMember>
void SpecialSwitch(const GivenFlag& flag, Target target) {
  target.special.*kMember = flag.on;
}
template <auto kMember>
void SpecialText(const GivenFlag& flag, Target target) {
  target.special.*kMember = flag.text;
}
template <auto kMember>
void TlsText(const GivenFlag& flag, Target target) {
  target.special.tls_details = true;
  target.options.tls.*kMember = flag.text;
}
void TraceLevel(const GivenFlag& flag, Target target) {
  auto& log = target.options.log;
  log.trace = flag.on;
  if (flag.name.front() == 'D') {
    log.debug = flag.on;
  }
  if (flag.name.ends_with("VV")) {
    log.trace_verbose = flag.on;
  }
}
void Ignore(const GivenFlag&, Target) {}

constexpr auto kBool = FlagKind::kBool;
constexpr auto kInteger = FlagKind::kInteger;
constexpr auto kText = FlagKind::kText;

constexpr Flag kFlags[] = {
    {"h|help", kBool, SpecialSwitch<&Special::help>},
    {"v|version", kBool, SpecialSwitch<&Special::version>},
    {"help_tls", kBool, SpecialSwitch<&Special::tls_help>},
    {"t", kBool, SpecialSwitch<&Special::test_config>},
    {"c|config", kText, SpecialText<&Special::config>},
    {"sl|signal", kText, SpecialText<&Special::signal>},
    {"a|addr|net", kText, TextIn<&Options::client, &Endpoint::host>},
    {"p|port", kInteger, NumberIn<&Options::client, &Endpoint::port>},
    {"n|name|server_name", kText, Text<&Options::server_name>},
    {"client_advertise", kText, Text<&Options::client_advertise>},
    {"m|http_port", kInteger, NumberIn<&Options::monitor, &MonitorOptions::http_port>},
    {"ms|https_port", kInteger, NumberIn<&Options::monitor, &MonitorOptions::https_port>},
    {"P|pid", kText, Text<&Options::pid_file>},
    {"ports_file_dir", kText, Text<&Options::ports_file_dir>},
    {"l|log", kText, TextIn<&Options::log, &LogOptions::file>},
    {"log_size_limit", kInteger, NumberIn<&Options::log, &LogOptions::file_size_limit>},
    {"s|syslog", kBool, SwitchIn<&Options::log, &LogOptions::syslog>},
    {"r|remote_syslog", kText, TextIn<&Options::log, &LogOptions::remote_syslog>},
    {"T|logtime", kBool, SwitchIn<&Options::log, &LogOptions::timestamps>},
    {"logtime_utc", kBool, SwitchIn<&Options::log, &LogOptions::timestamps_utc>},
    {"D|debug", kBool, SwitchIn<&Options::log, &LogOptions::debug>},
    {"V|trace", kBool, SwitchIn<&Options::log, &LogOptions::trace>},
    {"VV|DV|DVV", kBool, TraceLevel},
    {"max_traced_msg_len", kInteger, NumberIn<&Options::log, &LogOptions::max_traced_msg_len>},
    {"js|jetstream", kBool, SwitchIn<&Options::jetstream, &JetStreamSettings::enabled>},
    {"sd|store_dir", kText, TextIn<&Options::jetstream, &JetStreamSettings::store_dir>},
    {"user", kText, TextIn<&Options::auth, &AuthOptions::username>},
    {"pass", kText, TextIn<&Options::auth, &AuthOptions::password>},
    {"auth", kText, TextIn<&Options::auth, &AuthOptions::token>},
    {"tls", kBool,
     [](const GivenFlag& flag, Target target) {
       target.special.tls = flag.on;
     }},
    {"tlscert", kText, TlsText<&TlsOptions::cert_file>},
    {"tlskey", kText, TlsText<&TlsOptions::key_file>},
    {"tlscacert", kText, TlsText<&TlsOptions::ca_file>},
    {"tlsverify", kBool,
     [](const GivenFlag& flag, Target target) {
       target.special.tls_details = true;
       target.options.tls.verify = flag.on;
     }},
    {"cluster|cluster_listen", kText, SpecialText<&Special::cluster>},
    {"cluster_name", kText, TextIn<&Options::cluster, &ClusterOptions::name>},
    {"cluster_advertise", kText, TextIn<&Options::cluster, &ClusterOptions::advertise>},
    {"no_advertise", kBool, SwitchIn<&Options::cluster, &ClusterOptions::no_advertise>},
    {"connect_retries", kInteger, Ignore},
    {"routes", kText, SpecialText<&Special::routes>},
    {"profile", kInteger,
     [](const GivenFlag& flag, Target target) {
       target.options.profile_port = static_cast<int>(flag.integer);
     }},
};

std::vector<FlagSpec> KnownFlags() {
  std::vector<FlagSpec> known;
  for (const auto& flag : kFlags) {
    for (auto name : Split(flag.names, '|')) {
      known.push_back({name, flag.kind});
    }
  }
  return known;
}

bool IsName(std::string_view names, std::string_view name) {
  auto all = Split(names, '|');
  return std::find(all.begin(), all.end(), name) != all.end();
}

void Apply(const GivenFlags& given, Target target) {
  for (const auto& flag : given.flags) {
    for (const auto& row : kFlags) {
      if (IsName(row.names, flag.name)) {
        row.apply(flag, target);
      }
    }
  }
}

void RefuseFlag(Options& options, Feature feature, std::string_view flag) {
  if (const auto* text = FindUnsupported(feature)) {
    options.unsupported.push_back({std::string(flag), std::string(text->what), text->refused});
  }
}

Status ApplyTlsFlags(const Special& special, Options& options) {
  if (special.tls == false) {
    options.tls = {};
    return OkStatus();
  }
  if (!special.tls && !special.tls_details) {
    return OkStatus();
  }
  if (options.tls.cert_file.empty()) {
    return InvalidArgument("TLS Server certificate must be present and valid");
  }
  if (options.tls.key_file.empty()) {
    return InvalidArgument("TLS Server private key must be present and valid");
  }
  options.tls.enabled = true;
  return CheckTlsFiles(options.tls);
}

// "nats://user:pass@host:port"; an empty text switches the cluster off.
Status ApplyClusterFlag(const std::string& text, ClusterOptions& cluster) {
  if (text.empty()) {
    cluster = {};
    return OkStatus();
  }
  std::string_view rest = text;
  if (size_t scheme = rest.find("://"); scheme != std::string_view::npos) {
    rest.remove_prefix(scheme + 3);
  }
  rest = rest.substr(0, rest.find('/'));
  if (size_t user = rest.rfind('@'); user != std::string_view::npos) {
    if (rest.substr(0, user).find(':') == std::string_view::npos) {
      return InvalidArgument("expected cluster password to be set");
    }
    rest.remove_prefix(user + 1);
  }
  size_t colon = rest.rfind(':');
  auto port =
      colon == std::string_view::npos ? std::nullopt : ParseNumber<int>(rest.substr(colon + 1));
  if (!port) {
    return InvalidArgument(Cat("address ", rest, ": missing port in address"));
  }
  cluster.configured = true;
  cluster.listen = {std::string(rest.substr(0, colon)), *port};
  return OkStatus();
}

Status ApplySpecialFlags(const Special& special, Options& options) {
  if (special.cluster) {
    WEIR_RETURN_IF_ERROR(ApplyClusterFlag(*special.cluster, options.cluster));
  }
  WEIR_RETURN_IF_ERROR(ApplyTlsFlags(special, options));
  if (special.routes && !special.routes->empty()) {
    bool cluster = options.cluster.configured || options.cluster.listen.port != 0;
    if (!cluster) {
      return InvalidArgument("solicited routes require cluster capabilities, e.g. --cluster");
    }
    RefuseFlag(options, Feature::kClusterRoutes, "--routes");
  }
  return OkStatus();
}

void RefuseFlags(const GivenFlags& given, Options& options) {
  for (const auto& flag : given.flags) {
    if (flag.name == "profile" && flag.integer != 0) {
      RefuseFlag(options, Feature::kProfiling, "--profile");
    }
  }
}

// Flags, file, flags again: the file must see what flags have set (a store directory cannot be set
// twice), and the flags win.
Status ReadOptions(const GivenFlags& given, const Special& special, Options& options) {
  Special ignored;
  Apply(given, {options, ignored});
  if (!special.config.empty()) {
    WEIR_RETURN_IF_ERROR(LoadConfigFile(special.config, options));
    Apply(given, {options, ignored});
  }
  WEIR_RETURN_IF_ERROR(ApplySpecialFlags(special, options));
  RefuseFlags(given, options);
  ApplyDefaults(options);
  return OkStatus();
}

CommandLine Exit(std::string out, std::string err, int code) {
  CommandLine line;
  line.action = CommandLine::Action::kExit;
  line.out = std::move(out);
  line.err = std::move(err);
  line.exit_code = code;
  return line;
}

CommandLine Fail(std::string_view name, std::string_view error) {
  return Exit("", Cat(name, ": ", error, "\n"), 1);
}

// -t looks at the file alone: flags do not matter, and warnings are as bad as errors.
CommandLine TestConfig(std::string_view name, const GivenFlags& given, const std::string& path) {
  if (path.empty()) {
    return Fail(name, "must specify [-c, --config] option to check configuration file syntax");
  }
  Options options;
  Special ignored;
  Apply(given, {options, ignored});
  if (auto status = LoadConfigFile(path, options); !status.ok()) {
    return Fail(name, Message(status));
  }
  if (!options.warnings.empty()) {
    return Fail(name, Join(options.warnings, "\n"));
  }
  if (auto status = RefuseUnsupported(options); !status.ok()) {
    return Fail(name, Message(status));
  }
  return Exit(
      "", Cat(name, ": configuration file ", path, " is valid (", options.config_digest, ")\n"), 0);
}

CommandLine Run(std::string_view name, const GivenFlags& given, const Special& special) {
  CommandLine line;
  if (auto status = ReadOptions(given, special, line.options); !status.ok()) {
    return Fail(name, Message(status));
  }
  if (auto status = RefuseUnsupported(line.options); !status.ok()) {
    return Fail(name, Message(status));
  }
  if (auto status = ValidateOptions(line.options); !status.ok()) {
    return Fail(name, Message(status));
  }
  for (const auto& warning : line.options.warnings) {
    CatTo(line.err, warning, "\n");
  }
  return line;
}

}  // namespace

std::string_view CalledName(std::string_view argv0) {
  auto name = argv0.substr(argv0.rfind('/') + 1);
  return name == "weir" ? "weir" : "nats-server";
}

std::string VersionText(std::string_view called_name) {
  auto text = Cat("nats-server: v", kAnnouncedVersion, "\n");
  if (called_name == "weir") {
    CatTo(text, "weir: v", kWeirVersion, "\n");
  }
  return text;
}

CommandLine ParseCommandLine(std::span<const std::string> arguments) {
  auto name = CalledName(arguments.empty() ? "" : std::string_view(arguments[0]));
  auto known = KnownFlags();
  auto given = ParseGoFlags(arguments.subspan(arguments.empty() ? 0 : 1), known);
  if (!given.ok()) {
    return Exit(std::string(UsageText()), Cat(Message(given.status()), "\n"), 0);
  }
  Options scratch;
  Special special;
  Apply(*given, {scratch, special});
  auto word = given->rest.empty() ? "" : ToLower(given->rest.front());
  if (special.version || (word == "version" && !special.help && !special.tls_help)) {
    return Exit(VersionText(name), "", 0);
  }
  if (special.help || (word == "help" && !special.tls_help)) {
    return Exit(std::string(UsageText()), "", 0);
  }
  if (special.tls_help) {
    return Exit(std::string(TlsUsageText()), "", 0);
  }
  if (!word.empty()) {
    return Fail(name, Cat("unrecognized command: ", Quoted(given->rest.front())));
  }
  if (!special.signal.empty()) {
    CommandLine line;
    line.action = CommandLine::Action::kSendSignal;
    line.signal = special.signal;
    return line;
  }
  if (special.test_config) {
    return TestConfig(name, *given, special.config);
  }
  return Run(name, *given, special);
}

StatusOr<Options> LoadOptions(std::span<const std::string> arguments) {
  auto known = KnownFlags();
  WEIR_ASSIGN_OR_RETURN(GivenFlags given,
                        ParseGoFlags(arguments.subspan(arguments.empty() ? 0 : 1), known));
  Options options;
  Special special;
  Apply(given, {options, special});
  options = {};
  WEIR_RETURN_IF_ERROR(ReadOptions(given, special, options));
  WEIR_RETURN_IF_ERROR(RefuseUnsupported(options));
  WEIR_RETURN_IF_ERROR(ValidateOptions(options));
  return options;
}

namespace {

// "nats://user:pass@host" → "nats://[REDACTED]@host".
std::string RedactUrl(std::string_view url) {
  size_t scheme = url.find("://");
  size_t start = scheme == std::string_view::npos ? 0 : scheme + 3;
  size_t at = url.substr(0, url.find('/', start)).rfind('@');
  if (at == std::string_view::npos || at < start) {
    return std::string(url);
  }
  return Cat(url.substr(0, start), "[REDACTED]", url.substr(at));
}

std::string RedactUrls(std::string_view urls) {
  std::vector<std::string> redacted;
  for (auto url : Split(urls, ',')) {
    redacted.push_back(RedactUrl(url));
  }
  return Join(redacted, ",");
}

}  // namespace

void RedactArguments(std::vector<std::string>& arguments) {
  for (size_t i = 1; i < arguments.size(); ++i) {
    std::string_view argument = arguments[i];
    size_t dashes = std::min(argument.find_first_not_of('-'), argument.size());
    size_t equals = argument.find('=');
    auto name =
        argument.substr(dashes, equals == std::string_view::npos ? equals : equals - dashes);
    bool secret = IsName("user|pass|auth", name);
    if (dashes == 0 || dashes > 2 || (!secret && !IsName("routes|cluster|cluster_listen", name))) {
      continue;
    }
    auto redact = [secret](std::string_view value) {
      return secret ? std::string("[REDACTED]") : RedactUrls(value);
    };
    if (equals != std::string_view::npos) {
      arguments[i] = Cat(argument.substr(0, equals + 1), redact(argument.substr(equals + 1)));
    } else if (i + 1 < arguments.size()) {
      ++i;
      arguments[i] = redact(arguments[i]);
    }
  }
}

}  // namespace weir::server
