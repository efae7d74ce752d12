// SPDX-License-Identifier: MIT
#include <cmath>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include <lamina/backend/cpu/device.hpp>
#include <lamina/io/huggingface.hpp>
#include <lamina/nn/gpt2.hpp>
#include <lamina/removal/removal.hpp>
#include <lamina/train/learning_rate.hpp>
#include <lamina/train/trainer.hpp>

#include "support/catch.hpp"
#include "train/golden.hpp"

using namespace lamina;

namespace {

constexpr Architecture mid{.layers = 3, .heads = 4, .embed = 24, .context = 24, .vocab = 97};
constexpr std::size_t steps = 40;

template <class... Ps>
using Model = Gpt2<mid, norm::Removable, adapter::FullRank, Ps...>;

struct GoldenRun {
    nlohmann::json file = lamina_tests::read_golden("removal_run.json");
    nlohmann::json hyperparameters = file.at("hyperparameters");

    [[nodiscard]] Token end_of_text() const { return file.at("config").at("end_of_text").get<Token>(); }

    [[nodiscard]] train::TrainerOptions trainer_options(const nlohmann::json& run) const {
        return {.adamw = {.beta1 = hyperparameters.at("beta1").get<double>(),
                          .beta2 = hyperparameters.at("beta2").get<double>(),
                          .epsilon = hyperparameters.at("epsilon").get<double>(),
                          .weight_decay = hyperparameters.at("weight_decay").get<double>()},
                .accumulation = hyperparameters.at("accumulation").get<std::size_t>(),
                .loss_mean = train::LossMean::of_means,
                .clip = hyperparameters.at("max_grad_norm").get<double>(),
                .auxiliary_weight = run.at("auxiliary_weight").get<double>()};
    }

    [[nodiscard]] train::CosineWithMinimum rate() const {
        return {.peak = hyperparameters.at("learning_rate").get<double>(),
                .minimum = hyperparameters.at("min_learning_rate").get<double>(),
                .warmup = hyperparameters.at("warmup_steps").get<std::size_t>(),
                .steps = hyperparameters.at("steps").get<std::size_t>()};
    }

    [[nodiscard]] RemovalSchedule schedule() const {
        const auto phase = [this](const char* key) -> RemovalPhase {
            const nlohmann::json& when = file.at("schedule").at(key);
            const std::size_t gap = when.at("gap").is_null() ? 0 : when.at("gap").get<std::size_t>();
            return {when.at("start").get<std::size_t>(), gap};
        };
        return {.ln_2 = phase("ln2"),
                .ln_1_qk = phase("ln1qk"),
                .ln_1_v = phase("ln1v"),
                .ln_f = phase("lnf"),
                .end_of_text = phase("eot"),
                .first_position = phase("bos")};
    }

    [[nodiscard]] StdTracking tracking(const nlohmann::json& run) const {
        const std::map<std::string, DivisorMode> modes{
            {"constant", DivisorMode::constant}, {"freeze", DivisorMode::freeze}, {"track", DivisorMode::track}};
        const bool apart = run.at("bos_treatment").get<bool>();
        return {.mode = modes.at(run.at("mode").get<std::string>()),
                .momentum = hyperparameters.at("momentum").get<double>(),
                .calls_of_ln_1 = 3,
                .first_position = apart ? FirstPosition::apart : FirstPosition::like_others,
                .average_over = run.at("average_skips_first").get<bool>() ? AverageOver::all_but_first
                                                                          : AverageOver::all_positions};
    }
};

/// The micro-batches of the run, one after the other.
class MicroBatches {
public:
    explicit MicroBatches(const GoldenRun& golden) {
        for (const auto& update : golden.file.at("ids")) {
            for (const auto& micro : update) {
                Batch& batch = batches_.emplace_back();
                for (const auto& sequence : micro) append(batch, sequence.get<std::vector<Token>>(), golden);
                batch.sequences = micro.size();
            }
        }
    }

    TokenBatch operator()() {
        const Batch& batch = batches_.at(next_++);
        return {batch.inputs, batch.targets, batch.inputs.size() / batch.sequences};
    }

private:
    struct Batch {
        std::size_t sequences = 0;
        std::vector<Token> inputs{};
        std::vector<Token> targets{};
    };

    static void append(Batch& batch, const std::vector<Token>& ids, const GoldenRun& golden) {
        for (std::size_t t = 0; t < ids.size(); ++t) {
            const bool ignored = t + 1 == ids.size() || ids[t + 1] == golden.end_of_text();
            batch.inputs.push_back(ids[t]);
            batch.targets.push_back(ignored ? ignored_target : ids[t + 1]);
        }
    }

    std::vector<Batch> batches_{};
    std::size_t next_ = 0;
};

RemovalKind first_kind(const NormSite& site) {
    if (!site.in_block) return RemovalKind::ln_f;
    return site.two_paths ? RemovalKind::ln_1_qk : RemovalKind::ln_2;
}

void check_norms(const Removal& removal, const nlohmann::json& expected, double margin) {
    REQUIRE(removal.sites().size() == expected.size());
    for (const NormSite& site : removal.sites()) {
        INFO(site.name);
        const nlohmann::json& norm = expected.at(site.name);
        const RemovableState& state = *site.state;
        const auto close = [margin](const nlohmann::json& value) {
            return Approx(value.get<double>()).epsilon(margin);
        };
        CHECK(state.removed());
        // The original goes on averaging where nothing reads the average any more.
        if (!state.settled()) {
            CHECK(state.average == close(norm.at("real_average_std")));
            CHECK(state.first_position_average == close(norm.at("real_bos_std")));
        }
        CHECK(state.divisor == close(norm.at("average_divisor").back()));
        CHECK(state.first_position_divisor == close(norm.at("average_divisor").front()));
    }
}

template <class M>
void check_adapters(M& model, const nlohmann::json& expected) {
    std::size_t seen = 0;
    model.for_each_tensor([&](const auto& tensor) {
        const std::string name = tensor.entry.name();
        if (tensor.entry.role != Role::adapter) return;
        double squares = 0;
        for (std::size_t i = 0; i < tensor.entry.size; ++i) {
            squares += std::pow(static_cast<double>(tensor.values.data[i]), 2);
        }
        INFO(name);
        CHECK(std::sqrt(squares) == Approx(expected.at(name).get<double>()).epsilon(1e-4));
        ++seen;
    });
    CHECK(seen == expected.size());
}

/// Repeats one run of the golden file and compares everything that the file says about it.
template <class M>
void check_run(const std::string& name) {
    const GoldenRun golden;
    const nlohmann::json& run = golden.file.at("runs").at(name);
    BackendFor<device::Cpu> backend({.threads = 2});
    M model(backend);
    io::load_gpt2(model, lamina_tests::golden(golden.file.at("weights").get<std::string>()));
    model.initialise(1, Which::adapters);
    model.set_end_of_text(golden.end_of_text());

    const auto scope = run.at("bos_scope") == "all" ? FirstPositionScope::every_norm : FirstPositionScope::ln_1_only;
    Removal removal(model, golden.schedule(), golden.tracking(run), scope);
    for (const NormSite& site : removal.sites()) {
        const nlohmann::json& start = golden.file.at("initial_divisors").at(site.name);
        removal.start_at(first_kind(site), site.layer, start.at("average").get<double>(),
                         start.at("bos").get<double>());
    }
    train::Trainer<M> trainer(model, golden.rate(), golden.trainer_options(run));
    trainer.attach(removal);

    constexpr double loss_margin = 1e-4;
    constexpr double norm_margin = 1e-3;
    MicroBatches next(golden);
    for (std::size_t step = 0; step < steps; ++step) {
        const train::StepReport report = trainer.step(next);
        INFO(name << ", step " << step);
        CHECK(removal.events().size() == run.at("fired").at(step).size());
        CHECK(report.rate == Approx(run.at("learning_rate").at(step).get<double>()).epsilon(1e-8));
        CHECK(report.loss == Approx(run.at("cross_entropy").at(step).get<double>()).epsilon(0).margin(loss_margin));
        CHECK(report.auxiliary == Approx(run.at("auxiliary").at(step).get<double>()).epsilon(0).margin(1e-4));
        CHECK(report.gradient_norm == Approx(run.at("grad_norm").at(step).get<double>()).epsilon(norm_margin));
    }
    check_norms(removal, run.at("final_norms"), loss_margin);
    check_adapters(model, run.at("final_adapter_l2"));
}

}  // namespace

TEST_CASE("the reference's removal runs are reproduced step by step, merged", "[train]") {
    for (const char* run : {"constant", "freeze", "track", "freeze_auxiliary"}) check_run<Model<>>(run);
}

TEST_CASE("the reference's removal runs are reproduced step by step, factored", "[train]") {
    for (const char* run : {"constant", "freeze", "track", "freeze_auxiliary"}) {
        check_run<Model<execution::Factored>>(run);
    }
}

TEST_CASE("the reference's runs with a first position of its own are reproduced, merged", "[train]") {
    for (const char* run :
         {"constant_bos", "freeze_bos", "freeze_bos_average_all", "freeze_bos_everywhere", "freeze_bos_auxiliary"}) {
        check_run<Model<>>(run);
    }
}

TEST_CASE("the reference's runs with a first position of its own are reproduced, factored", "[train]") {
    for (const char* run :
         {"constant_bos", "freeze_bos", "freeze_bos_average_all", "freeze_bos_everywhere", "freeze_bos_auxiliary"}) {
        check_run<Model<execution::Factored>>(run);
    }
}
