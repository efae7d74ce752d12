// expect: lamina: save_gpt2: the model has adapters, which this file cannot hold; merge them with
// save_gpt2<Adapters::merge>, or write the base alone with save_gpt2<Adapters::leave_out> and the adapters with
// save_adapter
#include <lamina/backend/cpu/device.hpp>
#include <lamina/io/huggingface.hpp>
#include <lamina/nn/gpt2.hpp>

using namespace lamina;

constexpr Architecture tiny{.layers = 1, .heads = 2, .embed = 8, .context = 6, .vocab = 11};
using Model = Gpt2<tiny, adapter::Lora<4>>;

void save_it(const std::filesystem::path& folder) {
    CpuBackend backend;
    Model model(backend);
    io::load_gpt2(model, folder);
#ifdef LAMINA_EXPECT_FAILURE
    io::save_gpt2(model, folder);
#else
    io::save_gpt2<io::Adapters::merge>(model, folder);
    io::save_gpt2<io::Adapters::leave_out>(model, folder);
#endif
}
