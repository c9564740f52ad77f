#include "server/config_file.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

#include "protocol/base/strings.h"

namespace weir::server {
namespace {

class ConfigFileTest : public ::testing::Test {
 protected:
  ConfigFileTest()
      : folder_(std::filesystem::temp_directory_path() / Cat("weir_config_file_", ::getpid())) {
    std::filesystem::create_directories(folder_ / "sub");
  }
  ~ConfigFileTest() override { std::filesystem::remove_all(folder_); }

  std::string Write(const std::string& name, const std::string& text) {
    std::string path = (folder_ / name).string();
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }

  static std::string Read(const std::string& path) {
    auto parsed = ParseConfigFile(path);
    if (!parsed.ok()) {
      return std::string(Message(parsed.status()));
    }
    std::string json;
    parsed->values.AppendJson(json);
    return json;
  }

  std::filesystem::path folder_;
};

TEST_F(ConfigFileTest, IncludesAreRelativeToTheFileThatIncludes) {
  Write("sub/c.conf", "c: 3");
  Write("sub/b.conf", "b: 2\ninclude c.conf");
  EXPECT_EQ(Read(Write("a.conf", "a: 1\ninclude 'sub/b.conf'\n")), R"({"a":1,"b":2,"c":3})");
}

TEST_F(ConfigFileTest, IncludedValuesKnowTheirFile) {
  auto included = Write("b.conf", "\nb: 2");
  auto parsed = ParseConfigFile(Write("a.conf", "m { include b.conf\n }"));
  ASSERT_TRUE(parsed.ok());

  EXPECT_EQ(parsed->values.Find("m")->AsMap()->Find("b")->Where(), included + ":2:1");
}

TEST_F(ConfigFileTest, AMissingIncludeIsNamed) {
  EXPECT_EQ(Read(Write("a.conf", "include nope.conf\n")),
            Cat("error parsing include file 'nope.conf', open ", (folder_ / "nope.conf").string(),
                ": no such file or directory"));
}

TEST_F(ConfigFileTest, AFileThatIncludesItselfIsAnError) {
  auto path = Write("a.conf", "include a.conf\n");
  EXPECT_NE(Read(path).find("files include each other too deeply"), std::string::npos);
}

TEST_F(ConfigFileTest, ADirectoryIsNoFile) {
  EXPECT_EQ(Read((folder_ / "sub").string()),
            Cat("read ", (folder_ / "sub").string(), ": is a directory"));
}

TEST_F(ConfigFileTest, TheDigestIsTheSameForEverySpelling) {
  Write("b.conf", "b: x");
  auto first = ParseConfigFile(Write("a.conf", "a = 1\ninclude b.conf\n"));
  auto second = ParseConfigFile(Write("j.conf", R"({"b": "x", "a": 1})"));
  ASSERT_TRUE(first.ok());
  ASSERT_TRUE(second.ok());

  EXPECT_EQ(first->digest, second->digest);
  EXPECT_TRUE(first->digest.starts_with("sha256:"));
}

TEST_F(ConfigFileTest, TheDigestOfNothingIsThatOfAnEmptyObject) {
  // printf '{}\n' | sha256sum
  EXPECT_EQ(ParseConfigFile(Write("a.conf", ""))->digest,
            "sha256:ca3d163bab055381827226140568f3bef7eaac187cebd76878e0b63e9e442356");
}

}  // namespace
}  // namespace weir::server
