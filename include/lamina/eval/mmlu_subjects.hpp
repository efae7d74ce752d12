// SPDX-License-Identifier: MIT
// The 57 subjects of MMLU: their groups and how many questions the test split has of each.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace lamina::eval {

enum class MmluGroup { humanities, other, social_sciences, stem };

/// In the order of the harness's results.
inline constexpr std::array mmlu_groups{MmluGroup::humanities, MmluGroup::other, MmluGroup::social_sciences,
                                        MmluGroup::stem};

[[nodiscard]] constexpr std::string_view name(MmluGroup group) {
    switch (group) {
        case MmluGroup::humanities:
            return "humanities";
        case MmluGroup::other:
            return "other";
        case MmluGroup::social_sciences:
            return "social_sciences";
        case MmluGroup::stem:
            return "stem";
    }
    return "";
}

struct MmluSubject {
    std::string_view name;  ///< as in the names of files; spaces for the underscores make the name in prompts
    MmluGroup group;
    std::size_t test_questions;
};

/// source  cais/mmlu, test split; groups of lm-evaluation-harness
inline constexpr std::array mmlu_subjects = std::to_array<MmluSubject>({
    {"abstract_algebra", MmluGroup::stem, 100},
    {"anatomy", MmluGroup::stem, 135},
    {"astronomy", MmluGroup::stem, 152},
    {"business_ethics", MmluGroup::other, 100},
    {"clinical_knowledge", MmluGroup::other, 265},
    {"college_biology", MmluGroup::stem, 144},
    {"college_chemistry", MmluGroup::stem, 100},
    {"college_computer_science", MmluGroup::stem, 100},
    {"college_mathematics", MmluGroup::stem, 100},
    {"college_medicine", MmluGroup::other, 173},
    {"college_physics", MmluGroup::stem, 102},
    {"computer_security", MmluGroup::stem, 100},
    {"conceptual_physics", MmluGroup::stem, 235},
    {"econometrics", MmluGroup::social_sciences, 114},
    {"electrical_engineering", MmluGroup::stem, 145},
    {"elementary_mathematics", MmluGroup::stem, 378},
    {"formal_logic", MmluGroup::humanities, 126},
    {"global_facts", MmluGroup::other, 100},
    {"high_school_biology", MmluGroup::stem, 310},
    {"high_school_chemistry", MmluGroup::stem, 203},
    {"high_school_computer_science", MmluGroup::stem, 100},
    {"high_school_european_history", MmluGroup::humanities, 165},
    {"high_school_geography", MmluGroup::social_sciences, 198},
    {"high_school_government_and_politics", MmluGroup::social_sciences, 193},
    {"high_school_macroeconomics", MmluGroup::social_sciences, 390},
    {"high_school_mathematics", MmluGroup::stem, 270},
    {"high_school_microeconomics", MmluGroup::social_sciences, 238},
    {"high_school_physics", MmluGroup::stem, 151},
    {"high_school_psychology", MmluGroup::social_sciences, 545},
    {"high_school_statistics", MmluGroup::stem, 216},
    {"high_school_us_history", MmluGroup::humanities, 204},
    {"high_school_world_history", MmluGroup::humanities, 237},
    {"human_aging", MmluGroup::other, 223},
    {"human_sexuality", MmluGroup::social_sciences, 131},
    {"international_law", MmluGroup::humanities, 121},
    {"jurisprudence", MmluGroup::humanities, 108},
    {"logical_fallacies", MmluGroup::humanities, 163},
    {"machine_learning", MmluGroup::stem, 112},
    {"management", MmluGroup::other, 103},
    {"marketing", MmluGroup::other, 234},
    {"medical_genetics", MmluGroup::other, 100},
    {"miscellaneous", MmluGroup::other, 783},
    {"moral_disputes", MmluGroup::humanities, 346},
    {"moral_scenarios", MmluGroup::humanities, 895},
    {"nutrition", MmluGroup::other, 306},
    {"philosophy", MmluGroup::humanities, 311},
    {"prehistory", MmluGroup::humanities, 324},
    {"professional_accounting", MmluGroup::other, 282},
    {"professional_law", MmluGroup::humanities, 1534},
    {"professional_medicine", MmluGroup::other, 272},
    {"professional_psychology", MmluGroup::social_sciences, 612},
    {"public_relations", MmluGroup::social_sciences, 110},
    {"security_studies", MmluGroup::social_sciences, 245},
    {"sociology", MmluGroup::social_sciences, 201},
    {"us_foreign_policy", MmluGroup::social_sciences, 100},
    {"virology", MmluGroup::other, 166},
    {"world_religions", MmluGroup::humanities, 171},
});

}  // namespace lamina::eval
