// SPDX-License-Identifier: MIT
// The main function of every suite: Catch2's, unless the suite says that none of its tests can run here.
#define CATCH_CONFIG_RUNNER
#include "support/catch.hpp"

#if __has_include(<catch2/catch_session.hpp>)
#include <catch2/catch_session.hpp>
#endif

#include <cstring>
#include <iostream>

int main(int argc, char** argv) {
    bool lists = false;
    for (int i = 1; i < argc; ++i) lists = lists || std::strncmp(argv[i], "--list", 6) == 0;
    const std::string& reason = lamina_tests::reason_to_skip_all();
    if (!lists && !reason.empty()) {
        std::cout << "lamina: skipped: " << (argc > 1 ? argv[1] : argv[0]) << ": " << reason << std::endl;
        return 0;
    }
    return Catch::Session().run(argc, argv);
}
