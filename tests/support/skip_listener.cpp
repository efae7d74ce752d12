// SPDX-License-Identifier: MIT
// Prints "lamina: skipped: <test>: <reason>", which CTest's skip expression matches, once a test ended without a
// failure.
#define CATCH_CONFIG_EXTERNAL_INTERFACES
#include <iostream>
#include <string>
#include <vector>

#include "support/catch.hpp"

#if __has_include(<catch2/catch_test_macros.hpp>)
#include <catch2/catch_test_case_info.hpp>
#include <catch2/reporters/catch_reporter_event_listener.hpp>
#include <catch2/reporters/catch_reporter_registrars.hpp>
using ListenerBase = Catch::EventListenerBase;
#else
using ListenerBase = Catch::TestEventListenerBase;
#endif

namespace {

std::vector<std::string>& reasons() {
    static std::vector<std::string> of_this_test;
    return of_this_test;
}

// A failure elsewhere in the same test must win over the skip, so nothing is printed before the test has ended.
class SkipListener : public ListenerBase {
public:
    using ListenerBase::ListenerBase;

    void testCaseStarting(const Catch::TestCaseInfo&) override { reasons().clear(); }

    void testCaseEnded(const Catch::TestCaseStats& stats) override {
        if (stats.totals.assertions.failed != 0) return;
        for (const std::string& reason : reasons()) {
            std::cout << "lamina: skipped: " << name_of(stats.testInfo) << ": " << reason << std::endl;
        }
    }

private:
    static const std::string& name_of(const Catch::TestCaseInfo& info) { return info.name; }
    static const std::string& name_of(const Catch::TestCaseInfo* info) { return info->name; }
};

}  // namespace

CATCH_REGISTER_LISTENER(SkipListener)

std::string& lamina_tests::reason_to_skip_all() {
    static std::string reason;
    return reason;
}

void lamina_tests::note_skip(const std::string& reason) { reasons().push_back(reason); }
