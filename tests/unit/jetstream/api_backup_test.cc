#include "jetstream/api_backup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/backup_world.h"

namespace weir::jetstream {
namespace {

using ::testing::HasSubstr;

class ApiBackupTest : public ::testing::Test {
 protected:
  std::string Snapshot(std::string_view body, std::string_view stream = "S") {
    return world_.Ask(Cat("$JS.API.STREAM.SNAPSHOT.", stream), body);
  }
  std::string Restore(std::string_view body) {
    return world_.Ask("$JS.API.STREAM.RESTORE.S", body);
  }

  testing::BackupWorld world_;
};

TEST_F(ApiBackupTest, BadSnapshotRequestsAreRefusedAsByTheReference) {
  world_.CreateStream({});

  EXPECT_EQ(Snapshot("", "NONE"),
            R"({"type":"io.nats.jetstream.api.v1.stream_snapshot_response","error":)"
            R"({"code":400,"err_code":10003,"description":"bad request"}})");
  EXPECT_THAT(Snapshot(R"({"deliver_subject":"x"})", "NONE"), HasSubstr("10059"));
  EXPECT_THAT(Snapshot(R"({"deliver_subject":"a.*"})"), HasSubstr("10015"));
  EXPECT_THAT(Snapshot(R"({"jsck":true})"), HasSubstr("10015"));
  EXPECT_THAT(Snapshot(R"({"unknown":1})"),
              HasSubstr(R"(invalid JSON: json: unknown field \"unknown\")"));
}

TEST_F(ApiBackupTest, BadRestoreRequestsAreRefusedAsByTheReference) {
  EXPECT_EQ(Restore("{}"),
            R"({"type":"io.nats.jetstream.api.v1.stream_restore_response","error":)"
            R"({"code":400,"err_code":10003,"description":"bad request"},"deliver_subject":""})");
  EXPECT_THAT(Restore(R"({"config":{"name":"T"}})"), HasSubstr("10056"));
  EXPECT_THAT(Restore(R"({"config":{"name":"S","max_age":1}})"), HasSubstr("10052"));
  EXPECT_THAT(Restore(R"({"config":{"nome":"S"}})"), HasSubstr("10025"));
  EXPECT_THAT(Restore(R"({"config":{},"state":{"massages":1}})"), HasSubstr("10025"));
  EXPECT_THAT(Restore(R"({"config":{},"state":{"messages":1,"deleted":[1]}})"),
              HasSubstr(R"("deliver_subject":"$JS.SNAPSHOT.RESTORE.S.)"));
  world_.CreateStream({});
  EXPECT_THAT(Restore(R"({"config":{"name":"S"}})"), HasSubstr("10130"));
}

}  // namespace
}  // namespace weir::jetstream
