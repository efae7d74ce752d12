// SPDX-License-Identifier: MIT
#include <lamina/io/checkpoint.hpp>

#include "io/scratch_folder.hpp"
#include "support/catch.hpp"
#include "train/tiny_run.hpp"

#include <filesystem>
#include <fstream>

using namespace lamina_tests;
namespace train = lamina::train;
using Trainer = train::Trainer<TinyModel>;

namespace {

/// A model, its removal and its trainer, twelve steps of which remove every norm.
struct Run {
    lamina::CpuBackend backend{lamina::CpuOptions{.threads = 1}};
    TinyModel model{backend};
    train::Removal removal;
    Trainer trainer;
    TinyData data{4};

    Run()
        : removal(
              (model.initialise(3), model),
              train::RemovalSchedule::progressive({.start = 1, .gap_ln_2 = 1, .gap_ln_1_qk = 1, .gap_ln_1_v = 1}, 2),
              {}),
          trainer(model, train::CosineWithMinimum{.peak = 1e-2, .minimum = 1e-3, .warmup = 2, .steps = 12}) {
        trainer.attach(removal);
    }
    void steps(int count) {
        for (int i = 0; i < count; ++i) trainer.step([&] { return data.batch(); });
    }
};

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

TEST_CASE("a damaged checkpoint is refused and changes nothing") {
    const ScratchFolder folder;
    const std::filesystem::path checkpoint = folder.path() / "checkpoint";
    Run run;
    run.steps(2);
    lamina::io::save_checkpoint(checkpoint, run.trainer, {});
    run.steps(1);
    const std::vector<double> before = trained_values(run.model);

    SECTION("truncated tensors") {
        std::filesystem::resize_file(checkpoint / "trainer.safetensors",
                                     std::filesystem::file_size(checkpoint / "trainer.safetensors") - 8);
    }
    SECTION("a missing file") { std::filesystem::remove(checkpoint / "state.json"); }
    SECTION("another format") { std::ofstream(checkpoint / "state.json") << R"({"format": "something else"})"; }
    SECTION("a field of the wrong type") {
        std::ofstream(checkpoint / "state.json") << R"({"format": "lamina checkpoint 1", "update": "two"})";
    }
    CHECK_THROWS_AS(lamina::io::load_checkpoint(checkpoint, run.trainer), lamina::FileError);
    CHECK(trained_values(run.model) == before);
    CHECK(run.trainer.update() == 3);
}
