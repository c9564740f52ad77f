#include "server/signals_command.h"

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "protocol/base/strings.h"

namespace weir::server {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

class SignalsCommandTest : public ::testing::Test {
 protected:
  std::string Send(std::string_view command) {
    SignalSystem system{
        .find_servers = [this]() -> StatusOr<std::vector<int>> { return running_; },
        .send =
            [this](int pid, int number) {
              sent_.emplace_back(pid, number);
              return pid == 666 ? ESRCH : 0;
            },
    };
    return std::string(Message(SendSignalCommand(command, system)));
  }

  std::vector<int> running_;
  std::vector<std::pair<int, int>> sent_;
};

TEST_F(SignalsCommandTest, EveryWordHasItsSignal) {
  running_ = {5};
  for (const char* word : {"stop", "quit", "term", "reopen", "reload", "ldm"}) {
    EXPECT_EQ(Send(word), "") << word;
  }
  EXPECT_THAT(sent_, ElementsAre(Pair(5, SIGKILL), Pair(5, SIGINT), Pair(5, SIGTERM),
                                 Pair(5, SIGUSR1), Pair(5, SIGHUP), Pair(5, SIGUSR2)));
}

TEST_F(SignalsCommandTest, AnotherWordIsAnError) {
  running_ = {5};
  EXPECT_EQ(Send("dance"), "unknown signal \"dance\"");
  EXPECT_THAT(sent_, IsEmpty());
}

TEST_F(SignalsCommandTest, AProcessIdNeedsNoSearch) {
  EXPECT_EQ(Send("reload=77"), "");
  EXPECT_THAT(sent_, ElementsAre(Pair(77, SIGHUP)));
}

TEST_F(SignalsCommandTest, APidFileIsRead) {
  auto path = (std::filesystem::temp_directory_path() / Cat("weir_pid_", ::getpid())).string();
  std::ofstream(path) << "78\n";
  EXPECT_EQ(Send(Cat("quit=", path)), "");
  std::filesystem::remove(path);
  EXPECT_THAT(sent_, ElementsAre(Pair(78, SIGINT)));
}

TEST_F(SignalsCommandTest, APatternMeansAllThatBeginSo) {
  running_ = {12, 123, 34};
  EXPECT_EQ(Send("term=12*"), "");
  EXPECT_THAT(sent_, ElementsAre(Pair(12, SIGTERM), Pair(123, SIGTERM)));
  sent_.clear();
  EXPECT_EQ(Send("term=*"), "");
  EXPECT_THAT(sent_, ElementsAre(Pair(12, SIGTERM), Pair(123, SIGTERM), Pair(34, SIGTERM)));
}

TEST_F(SignalsCommandTest, WithoutAProcessIdThereMustBeOneServer) {
  EXPECT_EQ(Send("term"), "no nats-server processes running");
  running_ = {1, 2};
  EXPECT_EQ(Send("term"), "multiple nats-server processes running:\n1\n2");
  EXPECT_THAT(sent_, IsEmpty());
}

TEST_F(SignalsCommandTest, BadInput) {
  EXPECT_EQ(Send("term=abc"), "invalid pid: abc");
  EXPECT_EQ(Send("term=1=2"), "invalid signal parameters: [2]");
}

TEST_F(SignalsCommandTest, AFailureNamesTheProcess) {
  EXPECT_EQ(Send("term=666"), "\nsignal \"term\" 666: no such process");
}

}  // namespace
}  // namespace weir::server
