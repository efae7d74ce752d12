// SPDX-License-Identifier: MIT
// Request: what convert has been asked to make of what, and the models that it can do so for.
#pragma once

#include "../common/built_models.hpp"

#include <lamina/core/scalar_type.hpp>
#include <lamina/core/token.hpp>

#include <filesystem>
#include <optional>
#include <string>

namespace convert {

enum class Source { weights, run, peft, llm_c };
enum class Target { hugging_face, peft, llm_c, run };

struct Request {
    std::string model;
    Source source{};
    Target target{};
    std::filesystem::path weights;  ///< Hugging Face folder: the source, or what a run started from
    std::filesystem::path from;     ///< a run, a PEFT folder or llm.c's file
    std::filesystem::path out;
    std::optional<lamina::ScalarType> store_as;
    std::string base_name;                     ///< what a PEFT adapter says it is for
    std::optional<lamina::Token> end_of_text;  ///< of the weights, where they say
    bool measures = false;  ///< whether every norm of the run does, so that its adapter goes on the weights as they are
    bool strict = false;    ///< nothing in the weights is passed over
    bool force = false;     ///< whether files that are there may be written over
};

/// Returns what was made, for people.
using Conversion = std::string (*)(const Request&);

/// Of weights as they are, and into llm.c's form and from it.
struct OfWeights {
    Conversion convert;
};
/// Of runs and adapters, for each adaptation.
struct OfRuns {
    Conversion convert;
};
using Models = common::ForModels<OfWeights>;
using Runs = common::ForModels<OfRuns>;

}  // namespace convert
