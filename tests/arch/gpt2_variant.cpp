// SPDX-License-Identifier: MIT
#include <lamina/arch/gpt2_variant.hpp>

#include <cmath>
#include <cstddef>
#include <filesystem>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <lamina/io/huggingface.hpp>
#include <lamina/nn/check_gradient.hpp>
#include <lamina/nn/gpt2.hpp>
#include <lamina/removal/fold.hpp>

#include "io/scratch_folder.hpp"
#include "nn/tiny_models.hpp"
#include "support/catch.hpp"
#include "support/golden.hpp"

using namespace lamina;
using namespace lamina_tests;

static_assert(norm_epsilon::Decimal<1, -5>::value == 1e-5 && norm_epsilon::Decimal<125, -7>::value == 1.25e-5);
static_assert(norm_epsilon::Decimal<1, -12>::value == 1e-12 && norm_epsilon::Decimal<1, 12>::value == 1e12);
static_assert(
    std::is_same_v<Policies<activation::GeluNew, attention_scale::InverseRoot, norm_epsilon::Usual>, Policies<>>);

namespace {

constexpr Architecture small{.layers = 2, .heads = 2, .embed = 8, .context = 8, .vocab = 19};
constexpr Architecture narrow{.layers = 2, .heads = 2, .embed = 8, .context = 8, .vocab = 19, .inner = 20};

/// A folder of `gpt2_variants`, and what its config.json makes of a Gpt2.
template <Architecture A, class... Ps>
struct Variant {
    std::string folder;
    template <class... More>
    using Model = Gpt2<A, precision::Fp64, Ps..., More...>;
};

const Variant<narrow, activation::Gelu, norm_epsilon::Decimal<1, -3>> exact_gelu{"gelu"};
const Variant<small, activation::Relu, head::Untied> relu{"relu"};
const Variant<small, activation::Silu, attention_scale::One> silu{"silu"};
const Variant<small, activation::Tanh, attention_scale::InverseRootAndLayer> tanh_by_layer{"tanh"};
const Variant<small, attention_scale::InverseLayer> by_layer_alone{"gelu_pytorch_tanh"};

template <class F>
void for_each_variant(const F& f) {
    f(exact_gelu);
    f(relu);
    f(silu);
    f(tanh_by_layer);
    f(by_layer_alone);
}

std::filesystem::path folder_of(const std::string& name) { return golden("gpt2_variants/" + name); }

/// The largest difference, relative to the largest expected value; infinite for NaN.
double relative_error(const std::vector<double>& found, const std::vector<double>& expected) {
    REQUIRE(found.size() == expected.size());
    double worst = 0;
    double largest = 0;
    for (std::size_t i = 0; i < found.size(); ++i) {
        const double difference = std::abs(found[i] - expected[i]);
        worst = std::isnan(difference) ? INFINITY : std::max(worst, difference);
        largest = std::max(largest, std::abs(expected[i]));
    }
    return worst / largest;
}

template <class M>
std::vector<double> logits_of(M& model, const GoldenBatch& batch) {
    std::vector<double> logits(batch.extent().tokens() * M::architecture.vocab);
    model.logits(batch.view().inputs, batch.extent(), batch.extent().sequence, logits);
    return logits;
}

}  // namespace

TEST_CASE("whatever a config.json says of a GPT-2, its logits, loss and gradients are those of transformers", "[nn]") {
    for_each_variant([](const auto& variant) {
        INFO(variant.folder);
        using Model = typename std::remove_cvref_t<decltype(variant)>::template Model<>;
        Cpu backend;
        Model model(backend);
        io::load_gpt2(model, folder_of(variant.folder));
        const io::SafetensorsFile expected(folder_of(variant.folder) / "expected.safetensors");
        const GoldenBatch batch(expected, "ids");
        CHECK(relative_error(logits_of(model, batch), tensor<double>(expected, "logits")) <= 1e-12);
        const LossSum loss = model.forward_backward(batch.view()).cross_entropy;
        CHECK(loss.mean() == Approx(tensor<double>(expected, "loss").front()).epsilon(1e-12));
        model.complete_gradients();
        model.for_each_tensor([&](const auto& of) {
            INFO(of.entry.name());
            const std::string prefix = of.entry.role == Role::head ? "gradient." : "gradient.transformer.";
            const auto gradient = tensor<double>(expected, prefix + of.entry.name());
            // Stored in float.
            CHECK(relative_error({of.gradient.data, of.gradient.data + of.entry.size}, gradient) <= 1e-6);
        });
    });
}

TEST_CASE("a folder of one variant is refused by the type of another, with the field", "[io]") {
    Cpu backend;
    const auto complaint = [&](auto model, const std::string& folder) {
        try {
            io::load_gpt2(model, folder_of(folder));
        } catch (const FileError& error) {
            const std::string text = error.what();
            return text.substr(text.find("field"));
        }
        return std::string("no error");
    };
    using Plain = Gpt2<small, precision::Fp64>;
    CHECK(complaint(Plain(backend), "gelu") == R"(field "n_inner" is 20, expected 32)");
    CHECK(complaint(Plain(backend), "relu") == R"(field "activation_function" is "relu", expected "gelu_new")");
    CHECK(complaint(Gpt2<small, precision::Fp64, activation::Silu>(backend), "silu") ==
          R"(field "scale_attn_weights" is false, expected true)");
    CHECK(complaint(Gpt2<small, precision::Fp64, activation::Tanh>(backend), "tanh") ==
          R"(field "scale_attn_by_inverse_layer_idx" is true, expected false)");
    CHECK(complaint(Gpt2<narrow, precision::Fp64, activation::Gelu>(backend), "gelu") ==
          R"(field "layer_norm_epsilon" is 0.001, expected 1e-05)");
    CHECK(complaint(Gpt2<small, precision::Fp64, activation::Gelu>(backend), "gelu_pytorch_tanh") ==
          R"(field "activation_function" is "gelu_pytorch_tanh", expected "gelu")");
}

TEST_CASE("a variant is saved with what its config.json said, and folds into one that computes the same", "[io][nn]") {
    for_each_variant([](const auto& variant) {
        INFO(variant.folder);
        using Variant = std::remove_cvref_t<decltype(variant)>;
        Cpu backend;
        typename Variant::template Model<norm::Removable> model(backend);
        io::load_gpt2(model, folder_of(variant.folder));
        const io::SafetensorsFile expected(folder_of(variant.folder) / "expected.safetensors");
        const GoldenBatch batch(expected, "ids");

        const ScratchFolder scratch;
        io::save_gpt2(model, scratch.path());
        typename Variant::template Model<> again(backend);
        io::load_gpt2(again, scratch.path());
        CHECK(logits_of(again, batch) == logits_of(model, batch));

        for_each_fixable_norm(model, [](const std::string&, auto& norm) { norm.divide_by(1.5); });
        const std::vector<double> before = logits_of(model, batch);
        auto folded = fold(std::move(model));
        CHECK(relative_error(logits_of(folded, batch), before) <= 1e-10);
        io::save_gpt2(folded, scratch.path());
        std::remove_cvref_t<decltype(folded)> loaded(backend);
        io::load_gpt2(loaded, scratch.path());
        CHECK(logits_of(loaded, batch) == logits_of(folded, batch));
    });
}
