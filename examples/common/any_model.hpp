// SPDX-License-Identifier: MIT
// A model of any kind and size, from the flags --model, --weights and --run, behind one interface: programs that only
// ask models for scores and text use it, and share what each model takes to compile.
#pragma once

#include "built_models.hpp"
#include "model_folder.hpp"
#include "place.hpp"

#include <lamina/arch/architecture.hpp>
#include <lamina/core/token.hpp>
#include <lamina/nn/generate.hpp>
#include <lamina/nn/score.hpp>

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace any_model {

/// As given on a command line; empty where they were not.
struct Flags {
    std::string model;
    std::string weights;
    std::string run;
    bool force_removed = false;
    bool strict = false;
    common::Place place;
};

struct Found {
    Kind kind = Kind::pretrained;
    std::string model;  ///< its name
    lamina::Architecture architecture{};
    common::Adaptation adaptation{};  ///< of a run
    bool force_removed = false;       ///< whether norms that a run has left are removed when it is loaded
    std::filesystem::path weights;
    std::filesystem::path run;
    bool strict = false;  ///< nothing in the weights is passed over
    common::Place place;
};

/// Which model the flags mean, by its config.json, or by the flags where there is none.
///
/// errors   ArgumentError or FileError when there is none, not all of it, or none that this program was built for
[[nodiscard]] Found find(const Flags& flags);

/// A loaded model with a cache of keys and values. Neither scores nor text change it.
class Model {
public:
    virtual ~Model() = default;

    /// What the cache has room for.
    [[nodiscard]] virtual std::size_t cache_rows() const = 0;

    /// As lamina::score, one pass.
    virtual void score(std::span<const lamina::Segment> segments, std::span<const lamina::WantedToken> wanted,
                       std::span<double> log_probabilities) = 0;
    /// As lamina::generate, in the whole cache.
    virtual void generate(std::span<const lamina::Token> prompt, const lamina::GenerateOptions& options,
                          const std::function<void(lamina::Token)>& written) = 0;

    /// What its backend has done in another way than it was asked to, since the last call (notes.hpp).
    [[nodiscard]] virtual std::vector<std::string> take_notes() = 0;

protected:
    Model() = default;
    Model(const Model&) = default;
    Model& operator=(const Model&) = default;
};

struct Opening {
    std::string program;             ///< its name, before warnings
    std::size_t cache_rows = 0;      ///< tokens whose keys and values are kept
    lamina::Token end_of_text = -1;  ///< the tokenizer's, which norms may treat apart; -1 for none
};

/// Loads it.
///
/// errors   FileError as the loaders
[[nodiscard]] std::unique_ptr<Model> open(const Found& found, const Opening& opening);

using Opener = std::unique_ptr<Model> (*)(const Found&, const Opening&);
struct ForFolders {
    Opener open;
};
struct ForRuns {
    Opener open;
};
/// Each instantiates three types of a model, for the kinds of folders (each_model.cpp).
using Folders = common::ForModels<ForFolders>;
/// And one for each adaptation of runs (each_run.cpp).
using Runs = common::ForModels<ForRuns>;

}  // namespace any_model
