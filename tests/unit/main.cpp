// main.cpp - runs the unit tests; doctest's flags apply (--test-case=..., --list-test-cases,
// --help). The last line is "N passed, N failed": what tests/run.sh adds up over all runners.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>
#include <filesystem>

namespace {

struct CountPrinter : doctest::IReporter {
  explicit CountPrinter(const doctest::ContextOptions&) {}

  void test_run_end(const doctest::TestRunStats& stats) override {
    const unsigned failed = stats.numTestCasesFailed;
    std::printf("%u passed, %u failed\n", stats.numTestCasesPassingFilters - failed, failed);
    std::fflush(stdout);
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

DOCTEST_REGISTER_LISTENER("count", 1, CountPrinter);

// ATTNSCOPE_SOURCE_DIR is a dot in all other files.
int main(int n, char** arguments) {
  std::filesystem::current_path(ATTNSCOPE_TESTS_RUN_IN);
  return doctest::Context(n, arguments).run();
}
