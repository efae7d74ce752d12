// SPDX-License-Identifier: MIT
#include <lamina/io/checkpoint.hpp>
#include <lamina/removal/removable_norm.hpp>

#include "io/scratch_folder.hpp"
#include "support/catch.hpp"
#include "train/tiny_run.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

using namespace lamina_tests;
namespace train = lamina::train;
using Trainer = train::Trainer<TinyModel>;
using lamina::io::TensorSink;
using lamina::io::TensorToWrite;

namespace {

/// A model, its removal and its trainer, twelve steps of which remove every norm.
struct Run {
    lamina::CpuBackend backend{lamina::CpuOptions{.threads = 1}};
    TinyModel model{backend};
    lamina::Removal removal;
    Trainer trainer;
    TinyData data{4};

    Run()
        : removal(
              (model.initialise(3), model),
              lamina::RemovalSchedule::progressive({.start = 1, .gap_ln_2 = 1, .gap_ln_1_qk = 1, .gap_ln_1_v = 1}, 2),
              {}),
          trainer(model, train::CosineWithMinimum{.peak = 1e-2, .minimum = 1e-3, .warmup = 2, .steps = 12}) {
        trainer.attach(removal);
    }
    void steps(int count) {
        for (int i = 0; i < count; ++i) trainer.step([&] { return data.batch(); });
    }
};

/// Replaces a checkpoint's tensors by what `edit` makes of them.
void rewrite(const std::filesystem::path& checkpoint, const std::function<void(std::vector<TensorToWrite>&)>& edit) {
    const std::filesystem::path path = checkpoint / "trainer.safetensors";
    const lamina::io::SafetensorsFile file(path);
    std::vector<TensorToWrite> tensors;
    for (const lamina::io::StoredTensor& tensor : file.tensors()) {
        std::vector<double> values(tensor.size());
        file.read_into(tensor.name, std::span(values));
        tensors.push_back({.name = tensor.name,
                           .type = tensor.type,
                           .shape = {tensor.shape.begin(), tensor.shape.end()},
                           .write_data = [values](TensorSink& sink) { sink.write(std::span<const double>(values)); }});
    }
    edit(tensors);
    write_safetensors(path, std::move(tensors));
}

TensorToWrite& find(std::vector<TensorToWrite>& tensors, const std::string& name) {
    return *std::find_if(tensors.begin(), tensors.end(),
                         [&](const TensorToWrite& tensor) { return tensor.name == name; });
}

}  // namespace

TEST_CASE("a run continued from a checkpoint ends with the same bits") {
    const ScratchFolder folder;
    Run whole;
    whole.steps(6);
    lamina::io::save_checkpoint(folder.path() / "checkpoint", whole.trainer, {{"position", 17}});
    whole.steps(6);

    Run continued;
    const auto extra = lamina::io::load_checkpoint(folder.path() / "checkpoint", continued.trainer);
    CHECK(extra.at("position") == 17);
    CHECK(continued.trainer.update() == 6);
    CHECK(continued.trainer.optimiser().updates() == 6);
    continued.steps(6);
    CHECK(trained_values(continued.model) == trained_values(whole.model));
    CHECK(continued.model.layers().final_norm.state.divisor == whole.model.layers().final_norm.state.divisor);
    CHECK(continued.removal.norms_left() == whole.removal.norms_left());
}

TEST_CASE("what a program stored can be read, and refused, before anything is changed") {
    const ScratchFolder folder;
    Run run;
    run.steps(2);
    lamina::io::save_checkpoint(folder / "checkpoint", run.trainer, {{"rate", 0.5}});
    run.steps(1);
    const std::vector<double> before = trained_values(run.model);
    const lamina::io::Checkpoint checkpoint(folder / "checkpoint");
    CHECK(checkpoint.update() == 2);
    CHECK(checkpoint.extra() == lamina::io::Json{{"rate", 0.5}});
    CHECK(checkpoint.extra_fields().require<double>("rate") == 0.5);
    CHECK(error_text([&] { static_cast<void>(checkpoint.extra_fields().require<int>("seed")); },
                     folder / "checkpoint" / "state.json") == R"(field "extra.seed" is missing)");
    CHECK(trained_values(run.model) == before);
    checkpoint.restore(run.trainer);
    CHECK(run.trainer.update() == 2);
    CHECK(trained_values(run.model) != before);
}

TEST_CASE("a checkpoint whose writer was killed while its place was empty is found") {
    const ScratchFolder folder;
    Run run;
    run.steps(1);
    lamina::io::save_checkpoint(folder / "checkpoint", run.trainer, {});
    std::filesystem::rename(folder / "checkpoint", folder / ".checkpoint.retired");
    CHECK(lamina::io::Checkpoint(folder / "checkpoint").update() == 1);
}

TEST_CASE("a damaged checkpoint is refused and changes nothing") {
    const ScratchFolder folder;
    const std::filesystem::path checkpoint = folder.path() / "checkpoint";
    Run run;
    run.steps(2);
    lamina::io::save_checkpoint(checkpoint, run.trainer, {});
    run.steps(1);
    const auto everything = [&] {
        lamina::io::save_checkpoint(folder / "now", run.trainer, {});
        return contents(folder / "now" / "trainer.safetensors") + contents(folder / "now" / "state.json");
    };
    const std::string before = everything();
    using Tensors = std::vector<TensorToWrite>;
    const auto edit_state = [&](auto edit) {
        lamina::io::Json state = lamina::io::read_json(checkpoint / "state.json");
        edit(state);
        lamina::io::write_json(checkpoint / "state.json", state);
    };
    std::string expected;

    SECTION("truncated tensors") {
        std::filesystem::resize_file(checkpoint / "trainer.safetensors",
                                     std::filesystem::file_size(checkpoint / "trainer.safetensors") - 8);
    }
    SECTION("a missing file") { std::filesystem::remove(checkpoint / "state.json"); }
    SECTION("another format") { std::ofstream(checkpoint / "state.json") << R"({"format": "something else"})"; }
    SECTION("a field of the wrong type") {
        std::ofstream(checkpoint / "state.json") << R"({"format": "lamina checkpoint 1", "update": "two"})";
    }
    SECTION("nothing from the program") {
        edit_state([](lamina::io::Json& state) { state.erase("extra"); });
        expected = R"(field "extra" is missing)";
    }
    SECTION("a norm's state out of its range") {
        edit_state([](lamina::io::Json& state) { state["norms"]["ln_f"]["divisor"] = -1.0; });
        expected = R"(field "norms.ln_f.divisor" is -1.0, expected a number above 0)";
    }
    SECTION("a tensor of another type") {
        rewrite(checkpoint,
                [](Tensors& tensors) { find(tensors, "h.1.mlp.c_proj.lora_B").type = lamina::ScalarType::f32; });
        expected = R"(tensor "h.1.mlp.c_proj.lora_B" is of type F32, expected F64)";
    }
    SECTION("a tensor too many") {
        rewrite(checkpoint, [](Tensors& tensors) {
            tensors.push_back(tensors.front());
            tensors.back().name = "h.2.attn.c_attn.lora_A";
        });
        expected = R"(tensor "h.2.attn.c_attn.lora_A" is none of this run's)";
    }
    SECTION("a moment that is no number") {
        rewrite(checkpoint, [](Tensors& tensors) {
            TensorToWrite& tensor = find(tensors, "h.1.mlp.c_proj.lora_B.exp_avg_sq");
            tensor.write_data = [size = tensor.shape[0] * tensor.shape[1]](TensorSink& sink) {
                std::vector<double> values(size);
                values[3] = std::numeric_limits<double>::quiet_NaN();
                sink.write(std::span<const double>(values));
            };
        });
        expected = R"(tensor "h.1.mlp.c_proj.lora_B.exp_avg_sq" has NaN at element 3, expected finite numbers)";
    }
    const auto load = [&] { lamina::io::load_checkpoint(checkpoint, run.trainer); };
    CHECK_THROWS_AS(load(), lamina::FileError);
    CHECK_THAT(error_text(load), Catch::Matchers::EndsWith(expected));
    CHECK(everything() == before);
}

TEST_CASE("a checkpoint of another model is refused by the name of the tensor") {
    constexpr lamina::Architecture wider{.layers = 2, .heads = 2, .embed = 12, .context = 8, .vocab = 13};
    using Wider = lamina::Gpt2<wider, lamina::norm::Removable, lamina::adapter::FullRank, lamina::precision::Fp64>;
    const ScratchFolder folder;
    const std::filesystem::path checkpoint = folder.path() / "checkpoint";
    Run run;
    run.steps(1);
    lamina::io::save_checkpoint(checkpoint, run.trainer, {});

    lamina::CpuBackend backend({.threads = 1});
    Wider model(backend);
    train::Trainer<Wider> trainer(model, train::ConstantRate{.peak = 1e-2});
    const std::string text =
        error_text([&] { lamina::io::load_checkpoint(checkpoint, trainer); }, checkpoint / "trainer.safetensors");
    CHECK_THAT(text, Catch::Matchers::ContainsSubstring("h.0.attn.c_attn.lora_A"));
    CHECK(text.find('\n') == std::string::npos);
    CHECK(trainer.update() == 0);
}

TEST_CASE("a damaged checkpoint is refused in one line that names the file and the field") {
    const ScratchFolder folder;
    const std::filesystem::path checkpoint = folder.path() / "checkpoint";
    Run run;
    run.steps(1);
    lamina::io::save_checkpoint(checkpoint, run.trainer, {});
    const auto refusal = [&] {
        return error_text([&] { lamina::io::load_checkpoint(checkpoint, run.trainer); }, checkpoint / "state.json");
    };
    write(checkpoint / "state.json", R"({"format": "something else"})");
    CHECK(refusal() == R"(field "format" is not "lamina checkpoint 1")");
    write(checkpoint / "state.json", R"({"format": "lamina checkpoint 1", "update": "two"})");
    CHECK(refusal() == R"(field "update" is the string "two", expected a whole number from 0 to 18446744073709551615)");
}

TEST_CASE("a checkpoint that cannot be written leaves the earlier one as it was") {
    const ScratchFolder folder;
    const std::filesystem::path checkpoint = folder.path() / "checkpoint";
    Run run;
    run.steps(1);
    lamina::io::save_checkpoint(checkpoint, run.trainer, {{"position", 1}});
    const std::string tensors = contents(checkpoint / "trainer.safetensors");
    const std::string state = contents(checkpoint / "state.json");
    run.steps(1);

    SECTION("text that JSON cannot hold, found after the tensors are written") {
        CHECK_THROWS_AS(lamina::io::save_checkpoint(checkpoint, run.trainer, {{"note", "\xff"}}), lamina::Error);
    }
    SECTION("something in the way of the folder written aside") {
        write(folder / "file", "");
        CHECK_THROWS_AS(lamina::io::save_checkpoint(folder / "file" / "checkpoint", run.trainer, {}),
                        lamina::FileError);
        std::filesystem::remove(folder / "file");
    }
    CHECK(contents(checkpoint / "trainer.safetensors") == tensors);
    CHECK(contents(checkpoint / "state.json") == state);
    CHECK(folder.entries() == 1);
}

TEST_CASE("moments and norm states come back from a checkpoint bit for bit") {
    const ScratchFolder folder;
    Run saved;
    saved.steps(5);
    lamina::io::save_checkpoint(folder / "checkpoint", saved.trainer, {});
    Run loaded;
    lamina::io::load_checkpoint(folder / "checkpoint", loaded.trainer);
    const auto same = [](const auto& a, const auto& b) {
        return a.size() == b.size() && std::equal(a.data, a.data + a.size(), b.data);
    };
    using lamina::Role;
    CHECK(same(loaded.trainer.optimiser().first_moments(Role::adapter),
               saved.trainer.optimiser().first_moments(Role::adapter)));
    CHECK(same(loaded.trainer.optimiser().second_moments(Role::adapter),
               saved.trainer.optimiser().second_moments(Role::adapter)));
    CHECK(lamina::io::layer_states(loaded.model.layers()) == lamina::io::layer_states(saved.model.layers()));
}

TEST_CASE("a run may go on with streamed gradients, its checkpoint is the same") {
    using Streaming = lamina::Gpt2<toy, lamina::norm::Removable, lamina::adapter::FullRank, lamina::precision::Fp64,
                                   lamina::gradients::Streamed>;
    const ScratchFolder folder;
    const TinyData data(4);
    // Without clipping, which would depend on the last digits of the norm.
    const auto options = train::TrainerOptions{.clip = 0};
    const auto rate = train::ConstantRate{.peak = 1e-2};
    lamina::CpuBackend backend({.threads = 1});
    const auto values = [](auto& model) {
        std::vector<double> all;
        model.for_each_trained_value([&](const auto& tensor) {
            all.insert(all.end(), tensor.values.data, tensor.values.data + tensor.entry.size);
        });
        return all;
    };
    TinyModel stored(backend);
    stored.initialise(3);
    Trainer trainer(stored, rate, options);
    for (int i = 0; i < 3; ++i) trainer.step([&] { return data.batch(); });
    lamina::io::save_checkpoint(folder.path() / "checkpoint", trainer, {});
    for (int i = 0; i < 3; ++i) trainer.step([&] { return data.batch(); });

    Streaming streaming(backend);
    streaming.initialise(3);
    train::Trainer<Streaming> continued(streaming, rate, options);
    lamina::io::load_checkpoint(folder.path() / "checkpoint", continued);
    for (int i = 0; i < 3; ++i) continued.step([&] { return data.batch(); });
    CHECK(values(streaming) == values(stored));

    lamina::io::save_checkpoint(folder.path() / "again", continued, {});
    Trainer back(stored, rate, options);
    lamina::io::load_checkpoint(folder.path() / "again", back);
    for (int i = 0; i < 2; ++i) {
        continued.step([&] { return data.batch(); });
        back.step([&] { return data.batch(); });
    }
    CHECK(values(streaming) == values(stored));
}
