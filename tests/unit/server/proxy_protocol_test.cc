#include "server/proxy_protocol.h"

#include <gtest/gtest.h>

namespace weir::server {
namespace {

using Verdict = ProxyHeader::Verdict;
using namespace std::string_literals;

std::string V2(char version_command, char family, const std::string& body) {
  std::string out("\r\n\r\n\0\r\nQUIT\n", 12);
  out.push_back(version_command);
  out.push_back(family);
  out.push_back(static_cast<char>(body.size() >> 8));
  out.push_back(static_cast<char>(body.size() & 0xff));
  return out + body;
}

TEST(ProxyHeaderTest, Version1NamesTheClient) {
  std::string line = "PROXY TCP4 192.0.2.7 10.0.0.1 56324 4222\r\n";

  ProxyHeader header = ProxyHeader::Read(line + "CONNECT {}\r\n");

  EXPECT_EQ(header.verdict, Verdict::kPresent);
  EXPECT_EQ(header.size, line.size());
  EXPECT_EQ(header.ip, "192.0.2.7");
  EXPECT_EQ(header.port, 56324);
}

TEST(ProxyHeaderTest, Version2NamesTheClient) {
  std::string body("\xc0\x00\x02\x07\x0a\x00\x00\x01\xdc\x04\x10\x7e", 12);
  std::string bytes = V2(0x21, 0x11, body);

  ProxyHeader header = ProxyHeader::Read(bytes + "PING\r\n");

  EXPECT_EQ(header.verdict, Verdict::kPresent);
  EXPECT_EQ(header.size, bytes.size());
  EXPECT_EQ(header.ip, "192.0.2.7");
  EXPECT_EQ(header.port, 56324);
}

TEST(ProxyHeaderTest, LocalAndUnknownKeepTheSocketsAddress) {
  for (const std::string& bytes :
       {"PROXY UNKNOWN\r\n"s, V2(0x20, 0x00, ""), V2(0x21, 0x01, "xx")}) {
    ProxyHeader header = ProxyHeader::Read(bytes);
    EXPECT_EQ(header.verdict, Verdict::kPresent);
    EXPECT_EQ(header.size, bytes.size());
    EXPECT_TRUE(header.ip.empty());
  }
}

TEST(ProxyHeaderTest, BlanksMayBeSeveralAndMappedAddressesAreIPv4) {
  ProxyHeader blanks = ProxyHeader::Read("PROXY  TCP4\t192.0.2.7 10.0.0.1  1 2 \r\n");
  EXPECT_EQ(blanks.verdict, Verdict::kPresent);
  EXPECT_EQ(blanks.ip, "192.0.2.7");
  EXPECT_EQ(ProxyHeader::Read("PROXY TCP6 ::ffff:192.0.2.7 ::1 1 2\r\n").ip, "192.0.2.7");
}

TEST(ProxyHeaderTest, OrdinaryTrafficPasses) {
  EXPECT_EQ(ProxyHeader::Read("CONNECT {}\r\n").verdict, Verdict::kAbsent);
  EXPECT_EQ(ProxyHeader::Read("PUB a 1\r\nx\r\n").verdict, Verdict::kAbsent);
}

TEST(ProxyHeaderTest, DecidesTheSameHoweverTheBytesWereCut) {
  std::string line = "PROXY TCP6 2001:db8::1 ::1 1 2\r\n";
  for (size_t cut = 1; cut < line.size(); ++cut) {
    EXPECT_EQ(ProxyHeader::Read(line.substr(0, cut)).verdict, Verdict::kNeedMore) << cut;
  }
  EXPECT_EQ(ProxyHeader::Read(line).ip, "2001:db8::1");
}

TEST(ProxyHeaderTest, MalformedHeadersAreBad) {
  for (const std::string& bytes :
       {"PROXY TCP4 nonsense 10.0.0.1 1 2\r\n"s, "PROXY TCP4 1.2.3.4 10.0.0.1 1\r\n"s,
        "PROXY TCP4 1.2.3.4 10.0.0.1 70000 2\r\n"s, "PROXY "s + std::string(200, 'x'),
        V2(0x31, 0x11, std::string(12, 'a')), V2(0x21, 0x11, "short")}) {
    EXPECT_EQ(ProxyHeader::Read(bytes).verdict, Verdict::kBad) << bytes;
  }
}

}  // namespace
}  // namespace weir::server
