// SPDX-License-Identifier: MIT
// The models that a program was built for: what each is called, what its config.json says, and what instantiates it.
#pragma once

#include "place.hpp"

#include <lamina/arch/architecture.hpp>
#include <lamina/arch/policy.hpp>
#include <lamina/io/gpt2_config.hpp>
#include <lamina/nn/policies.hpp>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace common {

struct BuiltModel {
    std::string name;             ///< as --model has it
    lamina::io::Gpt2Facts facts;  ///< of its pretrained weights
};

namespace detail {

template <class List>
struct PoliciesOf;
template <class... Ps>
struct PoliciesOf<lamina::PolicyList<Ps...>> {
    using type = lamina::Policies<Ps...>;
};

}  // namespace detail

/// Of a descriptor that CMake wrote: gpt2_medium is called gpt2-medium.
template <class Checkpoint>
[[nodiscard]] BuiltModel built_model() {
    using P = typename detail::PoliciesOf<typename Checkpoint::Variant>::type;
    std::string name = Checkpoint::name;
    std::replace(name.begin(), name.end(), '_', '-');
    return {name, lamina::io::facts_of_policies<P>(Checkpoint::architecture)};
}

/// How runs adapt a model, in the words of the build: an adapter (full, a rank, or none), the layers that have it, and
/// the precision of what is stored, empty for the model's own.
struct Adaptation {
    std::string adapter = "full";
    std::string targets = "all";
    std::string precision;

    friend bool operator==(const Adaptation&, const Adaptation&) = default;
};

template <class Described>
[[nodiscard]] Adaptation adaptation_of() {
    return {Described::adapter, Described::targets, Described::precision};
}

/// "adapters of rank 64 on c_attn, fp32".
[[nodiscard]] std::string describe(const Adaptation& adaptation);

/// "--adapter 64 --targets c_attn --precision fp32".
[[nodiscard]] std::string flags_of(const Adaptation& adaptation);

/// Functions of a program for each model, and adaptation, that it was built for. Each is instantiated in an object of
/// its own, because it takes a while to compile, and enters itself here: what is linked is what there is.
template <class Function>
class ForModels {
public:
    struct Entry {
        Device device;
        BuiltModel model;
        Adaptation adaptation;  ///< of no meaning where the function adapts nothing
        Function function;
    };

    static std::vector<Entry>& all() {
        static std::vector<Entry> entries;
        return entries;
    }
    ForModels(Device device, const BuiltModel& model, Function function, const Adaptation& adaptation = {}) {
        all().push_back({device, model, adaptation, function});
    }

    /// Null where there is none.
    [[nodiscard]] static const Entry* find(Device device, std::string_view model) {
        return find(device, model, [](const Adaptation&) { return true; });
    }
    [[nodiscard]] static const Entry* find(Device device, std::string_view model, const Adaptation& adaptation) {
        return find(device, model, [&](const Adaptation& found) { return found == adaptation; });
    }

    /// Each model once, whatever its devices and adaptations.
    [[nodiscard]] static std::vector<BuiltModel> models() {
        std::vector<BuiltModel> models;
        for (const Entry& entry : all()) {
            const auto same = [&](const BuiltModel& model) { return model.name == entry.model.name; };
            if (std::none_of(models.begin(), models.end(), same)) models.push_back(entry.model);
        }
        std::sort(models.begin(), models.end(), [](const BuiltModel& a, const BuiltModel& b) {
            return a.facts.architecture.layers * a.facts.architecture.embed <
                   b.facts.architecture.layers * b.facts.architecture.embed;
        });
        return models;
    }

private:
    template <class Fits>
    [[nodiscard]] static const Entry* find(Device device, std::string_view model, const Fits& fits) {
        for (const Entry& entry : all()) {
            if (entry.device == device && entry.model.name == model && fits(entry.adaptation)) return &entry;
        }
        return nullptr;
    }
};

/// The model that --model calls by its name.
///
/// errors   ArgumentError that lists the names, and says what builds another
[[nodiscard]] BuiltModel model_called(const std::vector<BuiltModel>& models, const std::string& name);

/// What one of its facts a folder's config.json may have of its own: the head of a folded model, the epsilon of a
/// scaled one.
using Expected = std::function<lamina::io::Gpt2Facts(const lamina::io::Gpt2Facts&)>;

/// The model that a config.json describes; `name`, from --model, may be empty, and must otherwise be its name.
///
/// errors   FileError that names the field which fits none of the models, and says what builds one that it fits
[[nodiscard]] BuiltModel model_described(const std::vector<BuiltModel>& models, const std::filesystem::path& config,
                                         const std::string& name, const Expected& expected);

/// "./examples/run.sh evaluate --weights gpt2/", which builds a program for what `flags` name and starts it.
[[nodiscard]] std::string run_sh(const std::string& flags);

/// errors   ArgumentError: this build has the model, but not on the device, or not with this adaptation, for which run.sh
///          builds it when it is given `flags`
[[noreturn]] void fail_not_built(Device device, const std::string& model);
[[noreturn]] void fail_not_built(Device device, const std::string& model, const Adaptation& adaptation,
                                 const std::string& flags);

}  // namespace common
