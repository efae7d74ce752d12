// SPDX-License-Identifier: MIT
// A model of any kind and size, from the flags --model, --weights and --run, behind one interface: programs that only
// ask models for scores and text use it, and share what each size takes to compile.
#pragma once

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
    bool strict = false;
    common::Place place;
};

struct Found {
    Kind kind = Kind::pretrained;
    std::string model;  ///< the name of its size
    lamina::Architecture architecture{};
    std::filesystem::path weights;
    std::filesystem::path run;
    bool strict = false;  ///< nothing in the weights is passed over
    common::Place place;
};

/// Which model the flags mean, its size from config.json, or from the flags where there is none.
///
/// errors   ArgumentError or FileError when there is none, not all of it, or none of a size that this program has
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
    std::string program;         ///< its name, before warnings
    std::size_t cache_rows = 0;  ///< tokens whose keys and values are kept
};

/// Loads it.
///
/// errors   FileError as the loaders
[[nodiscard]] std::unique_ptr<Model> open(const Found& found, const Opening& opening);

/// Each in sizes/<size>.cpp, which instantiates several model types.
using Size = OfEachSize<std::unique_ptr<Model> (*)(const Found&, const Opening&)>;

}  // namespace any_model
