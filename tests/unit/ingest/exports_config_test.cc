#include "ingest/exports_config.h"

#include <cstdlib>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/base/json.h"
#include "tests/support/sqlite_file.h"

namespace weir::ingest {
namespace {

using ::testing::HasSubstr;

TEST(ExportsConfigTest, TheExportsBlockHasSettingsAndExports) {
  setenv("WEIR_TEST_DIR", "/var/x", 1);
  auto block = ParseJson(R"({"dir":"/var/exports","threads":2,
      "a":{"stream":"A","sink":"sqlite:///{WEIR_TEST_DIR}/a.db","table":"a"},
      "b":{"stream":"B","sink":"sqlite:b.db","table":"b","batch":{"bytes":"16MB"}}})");

  auto config = ExportsFromJson(block->get_object());

  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->dir, "/var/exports");
  ASSERT_EQ(config->exports.size(), 2u);
  EXPECT_EQ(config->exports[0].sink, "sqlite:////var/x/a.db");
  EXPECT_EQ(config->exports[1].batch_bytes, size_t{16} << 20);

  auto wrong = ParseJson(R"({"dri":"/x"})");
  EXPECT_THAT(std::string(Message(ExportsFromJson(wrong->get_object()).status())),
              HasSubstr("did you mean \"dir\"?"));
}

TEST(ExportsConfigTest, AnExportMayNameAWorkflowFile) {
  TempDir dir;
  std::ofstream(dir.File("flow.yaml")) << R"(name: in-the-file
type: nilus
spec:
  type: stream
  source:
    address: nats://localhost?subject=a.>
    options: {source_table: A}
  sink:
    address: sqlite:////x.db
    options: {dest_table: a, incremental_strategy: append}
)";
  auto block = ParseJson(Cat(R"({"mine":{"workflow":")", dir.File("flow.yaml"), "\"}}"));

  auto config = ExportsFromJson(block->get_object());

  ASSERT_TRUE(config.ok()) << config.status();
  ASSERT_EQ(config->exports.size(), 1u);
  EXPECT_EQ(config->exports[0].name, "mine");
  EXPECT_EQ(config->exports[0].address, "");
  EXPECT_EQ(config->exports[0].stop.kind, StopRule::Kind::kNever);

  auto missing = ParseJson(R"({"mine":{"workflow":"/no/such.yaml"}})");
  EXPECT_THAT(std::string(Message(ExportsFromJson(missing->get_object()).status())),
              HasSubstr("/no/such.yaml"));
}

}  // namespace
}  // namespace weir::ingest
