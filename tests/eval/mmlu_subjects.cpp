// SPDX-License-Identifier: MIT
#include <lamina/eval/mmlu_subjects.hpp>

#include "support/catch.hpp"

#include <algorithm>

using namespace lamina::eval;

namespace {

struct Size {
    std::size_t subjects = 0;
    std::size_t questions = 0;
    friend constexpr bool operator==(const Size&, const Size&) = default;
};

constexpr Size size_of(MmluGroup group) {
    Size size;
    for (const MmluSubject& subject : mmlu_subjects) {
        if (subject.group != group) continue;
        ++size.subjects;
        size.questions += subject.test_questions;
    }
    return size;
}

// docs/evaluation.md, "MMLU"
static_assert(size_of(MmluGroup::stem) == Size{19, 3153});
static_assert(size_of(MmluGroup::other) == Size{13, 3107});
static_assert(size_of(MmluGroup::social_sciences) == Size{12, 3077});
static_assert(size_of(MmluGroup::humanities) == Size{13, 4705});
static_assert(mmlu_subjects.size() == 57);
static_assert(std::is_sorted(mmlu_subjects.begin(), mmlu_subjects.end(),
                             [](const MmluSubject& a, const MmluSubject& b) { return a.name < b.name; }));
static_assert(name(MmluGroup::social_sciences) == "social_sciences");

}  // namespace

TEST_CASE("every group of MMLU has its own name") {
    std::vector<std::string_view> names;
    for (const MmluGroup group : mmlu_groups) names.push_back(name(group));
    CHECK(names == std::vector<std::string_view>{"humanities", "other", "social_sciences", "stem"});
}
