#include "ingest/pipeline_manager.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include <boost/json/serialize.hpp>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "ingest/address.h"
#include "protocol/base/json.h"
#include "protocol/base/strings.h"

namespace weir::ingest {
namespace {

namespace json = boost::json;

constexpr std::string_view kApi = "$EXPORT.API.";
constexpr size_t kEntriesKept = 1000;

std::string Text(const json::value& value) {
  return json::serialize(value);
}

std::string ErrorText(const Status& status) {
  std::string_view message = Message(status);
  return Text(json::object{{"error",
                            {{"code", ExitCodeOf(status)},
                             {"description", json::string(message.data(), message.size())}}}});
}

// Holds secrets: nobody else may read it. Written aside and renamed, so that a crash leaves the
// old file or the new one.
Status WritePrivateFile(const std::string& path, std::string_view text) {
  std::string aside = Cat(path, ".new");
  int fd = open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) {
    return Unavailable(Cat("cannot write ", aside));
  }
  bool written = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                 fdatasync(fd) == 0;
  close(fd);
  std::error_code error;
  if (written) {
    std::filesystem::rename(aside, path, error);
  }
  return written && !error ? OkStatus() : Unavailable(Cat("cannot write ", path));
}

}  // namespace

PipelineManager::PipelineManager(Options options)
    : options_([&] {
        if (!options.config.dir.empty()) {
          options.state_dir = options.config.dir;
        }
        return std::move(options);
      }()) {}

PipelineManager::~PipelineManager() {
  Shutdown();
}

void PipelineManager::Start() {
  for (AccountId account : options_.accounts.JetStreamAccounts()) {
    subscriptions_.push_back(
        options_.router.Subscribe(account, Cat(kApi, ">"), /*queue=*/{}, *this));
  }
  StartConfigured();
  StartApplied();
}

void PipelineManager::Detach() {
  for (auto id : subscriptions_) {
    options_.router.Unsubscribe(id);
  }
  subscriptions_.clear();
}

void PipelineManager::StartConfigured() {
  for (const ExportSpec& spec : options_.config.exports) {
    AccountId account = kGlobalAccount;
    if (!spec.account.empty()) {
      auto found = options_.accounts.Find(spec.account);
      if (!found) {
        options_.log.Error("export ", spec.name, ": there is no account ", spec.account);
        continue;
      }
      account = *found;
    }
    MutexLock lock(mu_);
    Launch(account, spec, {});
  }
}

void PipelineManager::StartApplied() {
  std::error_code error;
  if (options_.state_dir.empty() || !std::filesystem::is_directory(options_.state_dir, error)) {
    return;
  }
  for (const auto& file : std::filesystem::directory_iterator(options_.state_dir, error)) {
    if (file.path().extension() != ".export") {
      continue;
    }
    std::ifstream in(file.path(), std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(in), {}};
    auto parsed = ParseJson(text);
    auto spec = parsed.ok() && parsed->is_object() ? SpecFromJson("", parsed->get_object())
                                                   : InvalidArgument("not a JSON object");
    if (!spec.ok()) {
      options_.log.Error("exports: ", file.path().string(), ": ", Message(spec.status()));
      continue;
    }
    auto account = options_.accounts.Find(spec->account);
    if (!account) {
      options_.log.Error("export ", spec->name, ": there is no account ", spec->account);
      continue;
    }
    MutexLock lock(mu_);
    if (!entries_.contains(Key{*account, spec->name})) {
      Launch(*account, *spec, file.path().string());
    }
  }
}

void PipelineManager::Launch(AccountId account, ExportSpec spec, std::string applied_file) {
  auto entry = std::make_unique<Entry>();
  entry->spec = spec;
  entry->account = account;
  entry->applied_file = std::move(applied_file);
  PipelineParts parts{
      .open_source =
          [this, account](const ExportSpec& wanted) {
            return options_.open_source(account, wanted);
          },
      .make_sink =
          [this](const ExportSpec& wanted) {
            return options_.make_sink ? options_.make_sink(wanted)
                                      : MakeSink(wanted, options_.clock);
          },
      .clock = options_.clock,
      .log = options_.log,
  };
  entry->pipeline = std::make_unique<Pipeline>(std::move(spec), std::move(parts));

  std::unique_ptr<Entry>& place = entries_[Key{account, entry->spec.name}];
  std::unique_ptr<Entry> before = std::move(place);
  if (before != nullptr) {
    before->pipeline->Stop();
  }
  Pipeline* pipeline = entry->pipeline.get();
  std::string keep = entry->applied_file;
  std::string text = keep.empty() ? std::string() : Text(SpecToJson(entry->spec, false));
  Log& log = options_.log;
  entry->thread = std::thread([pipeline, keep, text, &log, old = std::move(before)]() mutable {
    pthread_setname_np(pthread_self(), "weir-export");
    if (old != nullptr && old->thread.joinable()) {
      old->thread.join();
    }
    old.reset();
    if (!keep.empty()) {
      if (Status status = WritePrivateFile(keep, text); !status.ok()) {
        log.Error("export ", pipeline->spec().name,
                  " runs, but is forgotten at a restart: ", Message(status));
      }
    }
    pipeline->Run();
  });
  place = std::move(entry);
}

void PipelineManager::Shutdown() {
  std::vector<std::unique_ptr<Entry>> all;
  {
    MutexLock lock(mu_);
    shutting_down_ = true;
    for (auto& [key, entry] : entries_) {
      entry->pipeline->Stop();
      all.push_back(std::move(entry));
    }
    entries_.clear();
  }
  for (auto& entry : all) {
    if (entry->thread.joinable()) {
      entry->thread.join();
    }
  }
}

std::vector<PipelineStatus> PipelineManager::Statuses() {
  std::vector<PipelineStatus> out;
  MutexLock lock(mu_);
  for (const auto& [key, entry] : entries_) {
    out.push_back(entry->pipeline->status());
  }
  return out;
}

void PipelineManager::OnMessage(const jetstream::Inbound& message) {
  if (message.reply.empty() || !message.subject.starts_with(kApi)) {
    return;
  }
  std::string_view verb = message.subject.substr(kApi.size());
  Answer answer = Handle(verb, message);
  if (!answer.status.ok()) {
    answer.json = ErrorText(answer.status);
  }
  options_.router.Publish(message.account, {message.reply, {}, {}, answer.json});
}

PipelineManager::Answer PipelineManager::Handle(std::string_view verb,
                                                const jetstream::Inbound& message) {
  size_t dot = verb.find('.');
  std::string_view name = dot == std::string_view::npos ? std::string_view{} : verb.substr(dot + 1);
  verb = verb.substr(0, dot);
  if (verb == "RUN" || verb == "APPLY") {
    return RunOrApply(message, verb == "APPLY");
  }
  if (verb == "STATUS") {
    return StatusOf(message.account, name);
  }
  if (verb == "LIST") {
    return List(message.account);
  }
  if (verb == "STOP") {
    return StopOne(message.account, name);
  }
  return {InvalidArgument(Cat("unknown request ", message.subject)), {}};
}

PipelineManager::Answer PipelineManager::RunOrApply(const jetstream::Inbound& message, bool apply) {
  auto parsed = ParseJson(message.payload);
  if (!parsed.ok() || !parsed->is_object()) {
    return {InvalidArgument("the request is not a JSON object"), {}};
  }
  auto spec = SpecFromJson("", parsed->get_object());
  if (!spec.ok()) {
    return {spec.status(), {}};
  }
  spec->account = options_.accounts.NameOf(message.account);
  // Says now what it cannot do, rather than in a log.
  auto sink = options_.make_sink ? options_.make_sink(*spec) : MakeSink(*spec, options_.clock);
  if (!sink.ok()) {
    return {sink.status(), {}};
  }
  MutexLock lock(mu_);
  if (shutting_down_) {
    return {Unavailable("the server is shutting down"), {}};
  }
  auto at = entries_.find(Key{message.account, spec->name});
  bool running = at != entries_.end() && !IsFinal(at->second->pipeline->status().state);
  bool same =
      running && Text(SpecToJson(at->second->spec, false)) == Text(SpecToJson(*spec, false));
  if (running && !same && !apply) {
    return {AlreadyExists(Cat("an export ", spec->name,
                              " with another definition is running; stop it first")),
            {}};
  }
  std::string name = spec->name;
  if (!same) {
    DropOldEntries();
    Launch(message.account, *std::move(spec), apply ? AppliedFile(message.account, name) : "");
  }
  return {OkStatus(), Text(json::object{{"name", name}, {"started", !same}})};
}

std::string PipelineManager::AppliedFile(AccountId account, std::string_view name) const {
  if (options_.state_dir.empty()) {
    return {};
  }
  std::error_code error;
  std::filesystem::create_directories(options_.state_dir, error);
  return Cat(options_.state_dir, "/", PercentEncode(options_.accounts.NameOf(account)), ".", name,
             ".export");
}

// Ended runs are kept for STATUS, not without bound.
void PipelineManager::DropOldEntries() {
  if (entries_.size() < kEntriesKept) {
    return;
  }
  for (auto at = entries_.begin(); at != entries_.end();) {
    if (IsFinal(at->second->pipeline->status().state)) {
      at->second->thread.join();  // its last act is done
      at = entries_.erase(at);
    } else {
      ++at;
    }
  }
}

PipelineManager::Answer PipelineManager::StatusOf(AccountId account, std::string_view name) {
  MutexLock lock(mu_);
  auto at = entries_.find(Key{account, std::string(name)});
  if (at == entries_.end()) {
    return {NotFound(Cat("there is no export ", name)), {}};
  }
  return {OkStatus(), Text(StatusToJson(at->second->pipeline->status()))};
}

PipelineManager::Answer PipelineManager::List(AccountId account) {
  json::array exports;
  MutexLock lock(mu_);
  for (const auto& [key, entry] : entries_) {
    if (key.first == account) {
      exports.push_back(StatusToJson(entry->pipeline->status()));
    }
  }
  return {OkStatus(), Text(json::object{{"exports", std::move(exports)}})};
}

PipelineManager::Answer PipelineManager::StopOne(AccountId account, std::string_view name) {
  MutexLock lock(mu_);
  auto at = entries_.find(Key{account, std::string(name)});
  if (at == entries_.end()) {
    return {NotFound(Cat("there is no export ", name)), {}};
  }
  at->second->pipeline->Stop();
  if (!at->second->applied_file.empty()) {
    std::error_code error;
    std::filesystem::remove(at->second->applied_file, error);
  }
  return {OkStatus(), Text(StatusToJson(at->second->pipeline->status()))};
}

}  // namespace weir::ingest
