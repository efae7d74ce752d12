// SPDX-License-Identifier: MIT
// What a folder says of the model or the run in it, without its tensors, and the sizes that programs know by name.
#pragma once

#include "place.hpp"

#include <lamina/arch/architecture.hpp>

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace any_model {

struct NamedSize {
    std::string_view name;
    lamina::Architecture architecture;
};

/// errors   ArgumentError that lists the names
[[nodiscard]] const NamedSize& size_called(const std::string& name);

/// errors   FileError that says what `path` leads to, unless it is a folder: "is …, expected EXPECTED"
void require_folder(const std::filesystem::path& path, const char* expected);

/// The size that `file` describes, which --model may say as well.
///
/// errors   FileError when there is none, or `model` is neither empty nor its name
[[nodiscard]] const NamedSize& size_of(const std::filesystem::path& file, std::size_t layers, std::size_t embed,
                                       const std::string& model);

/// The size in a folder's config.json, which a loader need not have, and in --model, which must then say it.
///
/// errors   as the others
[[nodiscard]] const NamedSize& size_of(const std::filesystem::path& weights, const std::string& model);

enum class Kind {
    pretrained,  ///< a Hugging Face folder with every LayerNorm
    run,         ///< such a folder, with the adapter and the norm states of a run of remove_layernorm
    folded,      ///< what such a run leaves in folded/
    scaled       ///< what convert --to hugging-face makes of such a run: norms that hardly measure
};

/// What kind of weights lie in a folder, by its config.json.
///
/// errors   FileError when it takes a run to tell what they are
[[nodiscard]] Kind kind_of(const std::filesystem::path& weights);

/// The folder that a run began with: `weights`, or where that is empty, its own pretrained/.
///
/// errors   FileError or ArgumentError when the run is not finished, or holds no weights, or the weights are not stock
[[nodiscard]] std::filesystem::path weights_of_run(const std::filesystem::path& run,
                                                   const std::filesystem::path& weights);

[[noreturn]] void fail_not_built(common::Device device, std::string_view model);

/// A function for each device and size that a program was built with. Each is instantiated in a source of its own,
/// because it takes a while to compile, and enters itself here: what is linked is what there is.
template <class Function>
class OfEachSize {
public:
    using Key = std::pair<common::Device, std::string_view>;

    static std::map<Key, Function>& all() {
        static std::map<Key, Function> sizes;
        return sizes;
    }
    OfEachSize(std::string_view model, Function function) : OfEachSize(common::Device::cpu, model, function) {}
    OfEachSize(common::Device device, std::string_view model, Function function) {
        all().emplace(Key{device, model}, function);
    }

    /// errors   ArgumentError that says how to build the program for it
    [[nodiscard]] static Function at(common::Device device, std::string_view model) {
        const auto found = all().find(Key{device, model});
        if (found == all().end()) fail_not_built(device, model);
        return found->second;
    }
};

}  // namespace any_model
