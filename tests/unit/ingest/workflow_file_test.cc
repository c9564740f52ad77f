#include "ingest/workflow_file.h"

#include <fstream>
#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/sqlite_file.h"

namespace weir::ingest {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kFirstForm = R"(name: nats-batch
version: v1
type: workflow
tags:
  - workflow
description: sample
workflow:
  dag:
    - name: step
      spec:
        stack: nilus:1.0
        compute: runnable-default
        resources:
          requests:
            cpu: 100m
        logLevel: Info
        stackSpec:
          source:
            address: nats+jetstream://localhost:4222?subject=test.>&batch_size=10000&timeout=10
            options:
              source-table: sample-stream
              run-in-loop: true
          sink:
            address: sqlite:////data/out.db
            options:
              dest-table: "main.target"
              incremental-strategy: append 
)";

class WorkflowFileTest : public ::testing::Test {
 protected:
  StatusOr<Workflow> Parse(std::string text) {
    WorkflowOptions options;
    options.base_dir = "/here";
    options.depots_file = depots_;
    options.lookup = [this](std::string_view name) -> std::optional<std::string> {
      auto at = variables_.find(std::string(name));
      return at == variables_.end() ? std::nullopt : std::optional(at->second);
    };
    return ParseWorkflow(text, "flow.yaml", options);
  }
  static std::string With(std::string_view from, std::string_view to) {
    std::string text(kFirstForm);
    size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
  }
  std::string Error(std::string text) {
    auto workflow = Parse(std::move(text));
    return workflow.ok() ? "no error" : std::string(Message(workflow.status()));
  }

  std::map<std::string, std::string> variables_;
  std::string depots_;
};

TEST_F(WorkflowFileTest, TheFirstFormBecomesASpec) {
  auto workflow = Parse(std::string(kFirstForm));

  ASSERT_TRUE(workflow.ok()) << workflow.status();
  ASSERT_EQ(workflow->steps.size(), 1u);
  const ExportSpec& spec = workflow->steps[0].spec;
  EXPECT_EQ(spec.name, "nats-batch");
  EXPECT_EQ(spec.stream, "sample-stream");
  EXPECT_THAT(spec.subjects, ElementsAre("test.>"));
  EXPECT_EQ(spec.batch_rows, 10'000u);
  EXPECT_EQ(spec.batch_interval_ns, 10'000'000'000);
  EXPECT_EQ(spec.stop.kind, StopRule::Kind::kNever);
  EXPECT_EQ(spec.sink, "sqlite:////data/out.db");
  EXPECT_EQ(spec.table, "main.target");
  EXPECT_EQ(spec.strategy, Strategy::kAppend);
  EXPECT_EQ(workflow->steps[0].source.port, 4222);
  EXPECT_THAT(workflow->notes, Contains("spec.compute"));
  EXPECT_THAT(workflow->notes, Contains("tags"));
}

TEST_F(WorkflowFileTest, TheSecondFormWithSnakeCaseKeys) {
  auto workflow = Parse(R"(name: orders
type: nilus
version: v1alpha
spec:
  type: batch
  source:
    address: nats://user:p%40ss@db:4333?subject=orders.>&start_sequence=5
    options:
      source_table: ORDERS
      primary_key: id, region
      type_hints:
        price: decimal(10,2)
        at: timestamp
  sink:
    address: sqlite:///orders.db
    options:
      dest_table: orders
      incremental_strategy: merge
      on_bad_row: skip
      max_bad_rows: 7
)");

  ASSERT_TRUE(workflow.ok()) << workflow.status();
  const WorkflowStep& step = workflow->steps[0];
  EXPECT_EQ(step.source.user, "user");
  EXPECT_EQ(step.source.password, "p@ss");
  EXPECT_EQ(step.source_shown, "nats://user:***@db:4333?subject=orders.>&start_sequence=5");
  EXPECT_EQ(step.spec.address, "nats://db:4333");
  EXPECT_EQ(step.spec.start.sequence, 5u);
  EXPECT_EQ(step.spec.stop.kind, StopRule::Kind::kLatest);
  EXPECT_THAT(step.spec.primary_key, ElementsAre("id", "region"));
  EXPECT_EQ(step.spec.type_hints.size(), 2u);
  EXPECT_EQ(step.spec.strategy, Strategy::kMerge);
  EXPECT_EQ(step.spec.sink, "sqlite:////here/orders.db");
  EXPECT_EQ(step.spec.on_bad_row, BadRowPolicy::kSkip);
  EXPECT_EQ(step.spec.max_bad_rows, 7u);
}

TEST_F(WorkflowFileTest, UnknownKeysInsideSourceAndSinkNameTheirPlaceAndAGuess) {
  EXPECT_EQ(Error(With("run-in-loop: true", "run-in-lop: true")),
            "flow.yaml:22:15: unknown key \"run-in-lop\" in source.options, did you mean "
            "\"run-in-loop\"?");
  EXPECT_EQ(Error(With("incremental-strategy:", "incremental_stratgy:")),
            "flow.yaml:27:15: unknown key \"incremental_stratgy\", did you mean "
            "\"incremental-strategy\"?");
  EXPECT_THAT(Error(With("batch_size=", "batchsize=")),
              HasSubstr("flow.yaml:19:22: source.address: unknown parameter \"batchsize\", did you "
                        "mean \"batch_size\"?"));
  EXPECT_THAT(Error(With("stackSpec:", "stakSpec:")), HasSubstr("did you mean \"stackSpec\"?"));
  EXPECT_THAT(Error(With("source-table: sample-stream", "columns: {a: int}")),
              HasSubstr("flow.yaml:21:"));
}

TEST_F(WorkflowFileTest, WrongValuesNameTheirPlace) {
  EXPECT_THAT(Error(With("append", "apend")),
              HasSubstr("flow.yaml:26:15: export nats-batch: strategy: \"apend\" is not one of"));
  EXPECT_THAT(Error(With("append", "replace")), HasSubstr("\"replace\" is not supported yet"));
  EXPECT_THAT(Error(With("run-in-loop: true", "run-in-loop: maybe")),
              HasSubstr("flow.yaml:22:28: source.options.run-in-loop must be true or false"));
  EXPECT_THAT(Error(With("localhost:4222", "<host>:<port>")), HasSubstr("<port>"));
  EXPECT_THAT(Error(With("nats+jetstream://", "kafka://")), HasSubstr("\"kafka\" is none of"));
  EXPECT_THAT(Error(With("sqlite:////data/out.db", "sqlight:///x")), HasSubstr("it has: sqlite"));
  EXPECT_THAT(Error(With("subject=test.>", "subject=a..b")), HasSubstr("\"a..b\" is not a valid"));
  EXPECT_THAT(Error("name: x\n  bad: [\n"), HasSubstr("flow.yaml:2:"));
  EXPECT_THAT(Error("just text"), HasSubstr("flow.yaml:1:1"));
  EXPECT_THAT(Error(""), HasSubstr("flow.yaml"));
}

TEST_F(WorkflowFileTest, WhatWouldChangeTheResultIsRefusedAndNotIgnored) {
  EXPECT_THAT(Error(With("run-in-loop: true", "mask: {email: hash}")),
              HasSubstr("mask is not supported yet"));
  EXPECT_THAT(Error(With("incremental-strategy: append",
                         "incremental-strategy: append\n              full-refresh: true")),
              HasSubstr("full-refresh is not supported yet"));
}

TEST_F(WorkflowFileTest, VariablesAreFilledInAndMissingOnesNamed) {
  variables_ = {{"TOKEN", "s3cret/with@odd:chars"}, {"DIR", "/var/x"}};
  std::string text = With("nats+jetstream://localhost", "nats+jetstream://{TOKEN}@localhost");
  text.replace(text.find("/data/out.db"), 12, "${DIR}/out.db");

  auto workflow = Parse(text);

  ASSERT_TRUE(workflow.ok()) << workflow.status();
  EXPECT_EQ(workflow->steps[0].source.user, "s3cret/with@odd:chars");
  EXPECT_EQ(workflow->steps[0].spec.sink, "sqlite:////var/x/out.db");
  EXPECT_THAT(workflow->steps[0].source_shown, Not(HasSubstr("s3cret")));

  variables_.erase("TOKEN");
  EXPECT_THAT(Error(text), HasSubstr("flow.yaml:19:22: source.address: "));
  EXPECT_THAT(Error(text), HasSubstr("the variable TOKEN is not set"));
}

TEST_F(WorkflowFileTest, EnvsOfTheFileAreVariables) {
  std::string text = With("logLevel: Info", "envs: {DIR: /from/file}");
  text.replace(text.find("/data/out.db"), 12, "{DIR}/out.db");

  auto workflow = Parse(text);

  ASSERT_TRUE(workflow.ok()) << workflow.status();
  EXPECT_EQ(workflow->steps[0].spec.sink, "sqlite:////from/file/out.db");
}

TEST_F(WorkflowFileTest, DepotsComeFromTheirFileAndUnknownOnesAreNamed) {
  std::string text = With("sqlite:////data/out.db", "dataos://warehouse");
  EXPECT_THAT(Error(text), HasSubstr("the depot \"warehouse\" is not known here"));

  TempDir dir;
  depots_ = dir.File("depots.yaml");
  std::ofstream(depots_) << "depots:\n  warehouse: sqlite:////data/w.db\n";
  auto workflow = Parse(text);
  ASSERT_TRUE(workflow.ok()) << workflow.status();
  EXPECT_EQ(workflow->steps[0].spec.sink, "sqlite:////data/w.db");

  EXPECT_THAT(Error(With("sqlite:////data/out.db", "dataos://other")),
              HasSubstr("the depot \"other\" is not in"));
}

TEST_F(WorkflowFileTest, SeveralStepsGetNamesOfTheirOwn) {
  std::string text(kFirstForm);
  std::string step = text.substr(text.find("    - name: step"));
  step.replace(step.find("step"), 4, "more");
  text.append(step);

  auto workflow = Parse(text);

  ASSERT_TRUE(workflow.ok()) << workflow.status();
  ASSERT_EQ(workflow->steps.size(), 2u);
  EXPECT_EQ(workflow->steps[0].spec.name, "nats-batch-step");
  EXPECT_EQ(workflow->steps[1].spec.name, "nats-batch-more");
}

TEST_F(WorkflowFileTest, IntervalsBoundTheMessagesTime) {
  auto workflow = Parse(With("run-in-loop: true",
                             "interval-start: \"2013-01-01\"\n"
                             "              interval-end: 2013-02-01T00:00:00Z"));

  ASSERT_TRUE(workflow.ok()) << workflow.status();
  EXPECT_EQ(ToString(workflow->steps[0].spec.start), "time:2013-01-01T00:00:00Z");
  EXPECT_EQ(ToString(workflow->steps[0].spec.stop), "time:2013-02-01T00:00:00Z");
}

TEST_F(WorkflowFileTest, AFileThatIsNotThereIsNamed) {
  auto workflow = LoadWorkflow("/no/such/flow.yaml", WorkflowOptions());

  EXPECT_THAT(std::string(Message(workflow.status())), HasSubstr("/no/such/flow.yaml"));
}

}  // namespace
}  // namespace weir::ingest
