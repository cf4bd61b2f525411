// main.cpp - runs the unit tests; doctest's flags apply (--test-case=..., --list-test-cases,
// --help). The last line is "N passed, N failed": what tests/run.sh adds up over all runners.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>
#include <filesystem>
#include <iostream>
#include <string>

namespace {

// Printed behind what doctest's own reporter says last, whose order among reporters differs between
// versions.
std::string counts;

struct Counter : doctest::IReporter {
  explicit Counter(const doctest::ContextOptions&) {}

  void test_run_end(const doctest::TestRunStats& stats) override {
    const unsigned failed = stats.numTestCasesFailed;
    counts = std::to_string(stats.numTestCasesPassingFilters - failed) + " passed, " +
             std::to_string(failed) + " failed\n";
  }

  void report_query(const doctest::QueryData&) override {}
  void test_run_start() override {}
  void test_case_start(const doctest::TestCaseData&) override {}
  void test_case_reenter(const doctest::TestCaseData&) override {}
  void test_case_end(const doctest::CurrentTestCaseStats&) override {}
  void test_case_exception(const doctest::TestCaseException&) override {}
  void subcase_start(const doctest::SubcaseSignature&) override {}
  void subcase_end() override {}
  void log_assert(const doctest::AssertData&) override {}
  void log_message(const doctest::MessageData&) override {}
  void test_case_skipped(const doctest::TestCaseData&) override {}
};

}  // namespace

DOCTEST_REGISTER_LISTENER("count", 1, Counter);

// ATTNSCOPE_SOURCE_DIR is a dot in all other files.
int main(int n, char** arguments) {
  std::filesystem::current_path(ATTNSCOPE_TESTS_RUN_IN);
  const int code = doctest::Context(n, arguments).run();
  std::fflush(stdout);
  std::cout << counts << std::flush;
  return code;
}
