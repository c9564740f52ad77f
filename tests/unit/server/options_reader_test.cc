#include "server/options_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::server {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

ConfigValue At(ConfigValue value, int line, int column) {
  value.set_position({std::make_shared<const std::string>("f"), line, column});
  return value;
}

TEST(OptionsReaderTest, AWrongTypeIsReportedWhereTheScopeLooks) {
  OptionProblems problems;
  ConfigValue block = At(ConfigValue(ConfigMap()), 1, 0);
  ConfigValue field = At(ConfigValue(true), 2, 3);
  OptionScope scope(problems, block);
  std::string text;

  EXPECT_FALSE(scope.Get(field, text));
  scope.LookAt(field);
  EXPECT_FALSE(scope.Get(field, text));

  EXPECT_THAT(problems.errors(),
              ElementsAre("f:1:0: interface conversion: interface {} is bool, not string",
                          "f:2:3: interface conversion: interface {} is bool, not string"));
}

TEST(OptionsReaderTest, VariablesAreNotUnknownFields) {
  OptionProblems problems;
  ConfigValue value = At(ConfigValue(true), 1, 0);
  value.set_used_as_variable();

  problems.AddUnknown(value, "x");

  EXPECT_THAT(problems.errors(), IsEmpty());
}

TEST(OptionsReaderTest, GoDurationsAndTheirComplaints) {
  auto complaint = [](std::string_view text) {
    return std::string(Message(ParseGoDuration(text).status()));
  };
  EXPECT_EQ(ParseGoDuration("1h30m").value(), 5400 * kSecondNs);
  EXPECT_EQ(complaint(""), "time: invalid duration \"\"");
  EXPECT_EQ(complaint("abc"), "time: invalid duration \"abc\"");
  EXPECT_EQ(complaint("20"), "time: missing unit in duration \"20\"");
  EXPECT_EQ(complaint("20y"), "time: unknown unit \"y\" in duration \"20y\"");
  EXPECT_EQ(complaint("1h20"), "time: missing unit in duration \"1h20\"");
  EXPECT_EQ(complaint("-"), "time: invalid duration \"-\"");
}

TEST(OptionsReaderTest, GoIntegersAndTheirComplaints) {
  EXPECT_EQ(ParseGoInteger("Atoi", "+5").value(), 5);
  EXPECT_EQ(ParseGoInteger("Atoi", "-5").value(), -5);
  EXPECT_EQ(Message(ParseGoInteger("Atoi", "5x").status()),
            "strconv.Atoi: parsing \"5x\": invalid syntax");
  EXPECT_EQ(Message(ParseGoInteger("ParseInt", "99999999999999999999").status()),
            "strconv.ParseInt: parsing \"99999999999999999999\": value out of range");
}

TEST(OptionsReaderTest, Endpoints) {
  OptionProblems problems;
  Endpoint endpoint;

  EXPECT_TRUE(ReadEndpoint(problems, ConfigValue(std::string("[::1]:80")), endpoint));
  EXPECT_EQ(endpoint.host, "::1");
  EXPECT_EQ(endpoint.port, 80);
  EXPECT_TRUE(ReadEndpoint(problems, ConfigValue(int64_t{81}), endpoint));
  EXPECT_EQ(endpoint.host, "");
  EXPECT_EQ(endpoint.port, 81);
  EXPECT_FALSE(ReadEndpoint(problems, ConfigValue(std::string("::1:80")), endpoint));
  EXPECT_FALSE(ReadEndpoint(problems, ConfigValue(std::string("[::1]80")), endpoint));
}

TEST(OptionsReaderTest, StorageSizes) {
  EXPECT_EQ(ReadStorageSize(ConfigValue(int64_t{5})).value(), 5);
  EXPECT_EQ(ReadStorageSize(ConfigValue(std::string("3T"))).value(), int64_t{3} << 40);
  EXPECT_EQ(ReadStorageSize(ConfigValue(std::string())).value(), 0);
  EXPECT_FALSE(ReadStorageSize(ConfigValue(std::string("3k"))).ok());
  EXPECT_FALSE(ReadStorageSize(ConfigValue(1.5)).ok());
}

TEST(OptionsReaderTest, NkeysHaveALetterALengthAndAChecksum) {
  const std::string key = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";
  EXPECT_TRUE(IsPublicNkey('U', key));
  EXPECT_FALSE(IsPublicNkey('A', key));
  EXPECT_FALSE(IsPublicNkey('U', key.substr(0, 55)));
  EXPECT_FALSE(IsPublicNkey('U', "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF5"));
  EXPECT_FALSE(IsPublicNkey('U', ""));
}

TEST(OptionsReaderTest, SubjectsOfPermissionsMayNameAQueue) {
  EXPECT_TRUE(CheckPermissionSubject("a.*", false).ok());
  EXPECT_TRUE(CheckPermissionSubject("a.*  q", true).ok());
  EXPECT_FALSE(CheckPermissionSubject("a q", false).ok());
  EXPECT_FALSE(CheckPermissionSubject("a q r", true).ok());
  EXPECT_FALSE(CheckPermissionSubject("", true).ok());
}

}  // namespace
}  // namespace weir::server
