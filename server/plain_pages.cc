#include "server/plain_pages.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include <malloc.h>

namespace weir::server {

namespace {

std::string ReadAll(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

JsonWriter StartPage(const PageSources& sources) {
  JsonWriter out;
  out.OpenObject();
  WritePageHead(out, sources.context);
  return out;
}

}  // namespace

std::string RoutezJson(const PageSources& sources) {
  JsonWriter out;
  out.OpenObject().Field("server_id", sources.context.identity.id);
  out.Field("server_name", sources.context.identity.name);
  out.Key("now").Time(sources.context.clock.wall_ns());
  out.Field("num_routes", 0).Key("routes").OpenArray().CloseArray().CloseObject();
  return out.Take();
}

std::string GatewayzJson(const PageSources& sources) {
  JsonWriter out = StartPage(sources);
  out.Key("outbound_gateways").OpenObject().CloseObject();
  out.Key("inbound_gateways").OpenObject().CloseObject().CloseObject();
  return out.Take();
}

std::string LeafzJson(const PageSources& sources) {
  JsonWriter out = StartPage(sources);
  out.Field("leafnodes", 0).Key("leafs").OpenArray().CloseArray().CloseObject();
  return out.Take();
}

std::string ExpvarMemoryJson() {
  struct mallinfo2 info = ::mallinfo2();
  JsonWriter out;
  out.OpenObject().Field("Alloc", info.uordblks + info.hblkhd);
  out.Field("Sys", info.arena + info.hblkhd).Field("HeapAlloc", info.uordblks + info.hblkhd);
  out.Field("HeapSys", info.arena + info.hblkhd).Field("HeapIdle", info.fordblks);
  out.Field("HeapInuse", info.uordblks + info.hblkhd).Field("HeapReleased", 0);
  out.Field("NumGC", 0).CloseObject();
  return out.Take();
}

std::string ExpvarCommandJson() {
  std::string arguments = ReadAll("/proc/self/cmdline");
  JsonWriter out;
  out.OpenArray();
  std::string_view rest = arguments;
  while (!rest.empty()) {
    size_t end = rest.find('\0');
    out.Value(rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  out.CloseArray();
  return out.Take();
}

std::string StacksText() {
  std::string out;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task", error)) {
    std::string name = ReadAll(entry.path().string() + "/comm");
    std::string state = ReadAll(entry.path().string() + "/wchan");
    CatTo(out, "thread ", entry.path().filename().string(), " ", TrimSpace(name), ": ",
          state.empty() || state == "0" ? "running" : std::string_view(state), "\n");
  }
  return out;
}

}  // namespace weir::server
