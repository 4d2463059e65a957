#include "engine/base/config/presets.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>

#include <gtest/gtest.h>

#include "engine/base/config/model_size.h"
#include "tests/support/declared_router.h"
#include "tests/support/temporary_folder.h"

namespace switchyard::config {
namespace {

const std::string kConfigs = std::string(SY_SOURCE_DIR) + "/configs";

TEST(Presets, AllResolveWithoutErrors) {
  const auto presets = load_presets(kConfigs);
  ASSERT_TRUE(presets.ok()) << presets.error().text();
  EXPECT_GE(presets->size(), 5U);
  const Schema schema = test::run_schema_for_tests();
  for (const Preset& preset : *presets) {
    const Resolved result = resolve(schema, preset.config, preset.name);
    for (const Error& error : result.errors) ADD_FAILURE() << error.text();
    EXPECT_EQ(result.config["name"].as_string(), preset.name);
    EXPECT_FALSE(preset.summary.empty() || preset.group.empty() || preset.source.empty() ||
                 preset.expected.empty() || preset.glyph.empty())
        << preset.name;
  }
}

TEST(Presets, OneIsTheDefaultAndComesFirst) {
  const auto presets = load_presets(kConfigs);
  ASSERT_TRUE(presets.ok());
  int num_defaults = 0;
  for (const Preset& preset : *presets) num_defaults += preset.is_default ? 1 : 0;
  EXPECT_EQ(num_defaults, 1);
  EXPECT_TRUE(presets->front().is_default);
  EXPECT_EQ(presets->front().name, "shakespeare-char-moe-cpu");
}

TEST(Presets, EveryFileIsListedInTheIndex) {
  const auto presets = load_presets(kConfigs);
  ASSERT_TRUE(presets.ok());
  std::set<std::string> listed{"index"};
  for (const Preset& preset : *presets) listed.insert(preset.name);
  for (const auto& entry : std::filesystem::directory_iterator(kConfigs))
    EXPECT_TRUE(entry.path().extension() != ".json" ||
                listed.count(entry.path().stem().string()) == 1)
        << entry.path();
}

TEST(Presets, AnUnknownNameSuggestsTheNearest) {
  const auto preset = load_preset(kConfigs, "shakespeare-char-moe-cp");
  ASSERT_FALSE(preset.ok());
  EXPECT_EQ(preset.error().code, ErrorCode::kUsage);
  EXPECT_NE(preset.error().hint.find("Did you mean \"shakespeare-char-moe-cpu\"?"),
            std::string::npos);
  EXPECT_NE(preset.error().hint.find("gpt2-124m"), std::string::npos);
}

TEST(Presets, NamesThatLeadOutOfTheFolderAreRefused) {
  const test::TemporaryFolder folder;
  test::write_text(folder / "index.json", R"({"groups":[{"name":"g","presets":["../secret"]}]})");
  EXPECT_FALSE(load_presets(folder.path()).ok());
  EXPECT_FALSE(load_preset(kConfigs, "../configs/gpt2-124m").ok());
}

TEST(Presets, ABrokenFileIsNamedWithItsPlace) {
  const test::TemporaryFolder folder;
  test::write_text(folder / "index.json", R"({"groups":[{"name":"g","presets":["a"]}]})");
  EXPECT_FALSE(load_presets(folder.path()).ok());  // a.json is missing
  test::write_text(folder / "a.json", "{\n  \"preset\": {},\n}");
  const auto presets = load_presets(folder.path());
  ASSERT_FALSE(presets.ok());
  EXPECT_NE(presets.error().where.find("a.json:3:"), std::string::npos) << presets.error().text();
}

TEST(ConfigFile, ThatIsMissingOrBrokenIsAConfigError) {
  const test::TemporaryFolder folder;
  const auto missing = read_config_file(folder / "none.json");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, ErrorCode::kConfig);
  test::write_text(folder / "deep.json", std::string(40, '[') + std::string(40, ']'));
  test::write_text(folder / "broken.json", "{\"model\": {},}");
  test::write_text(folder / "large.json", "\"" + std::string(1 << 20, 'x') + "\"");
  for (const char* name : {"deep.json", "broken.json", "large.json"}) {
    const auto result = read_config_file(folder / name);
    ASSERT_FALSE(result.ok()) << name;
    EXPECT_EQ(result.error().code, ErrorCode::kConfig) << name;
    EXPECT_NE(result.error().where.find(name), std::string::npos) << result.error().text();
  }
}

TEST(Presets, TheDefaultUsesAsManyActiveNumbersAsItsDenseYardstick) {
  const Schema schema = test::run_schema_for_tests();
  const auto sparse = load_preset(kConfigs, "shakespeare-char-moe-cpu");
  const auto dense = load_preset(kConfigs, "shakespeare-char-dense-cpu");
  ASSERT_TRUE(sparse.ok() && dense.ok());
  const ModelSize a = model_size(resolve(schema, sparse->config, "").config, 65);
  const ModelSize b = model_size(resolve(schema, dense->config, "").config, 65);
  const std::int64_t routers = 4 * 128 * 8;
  EXPECT_EQ(a.params_active - routers, b.params_active);
  EXPECT_EQ(b.params_total, 802'944 + 1'152);  // nanoGPT's count of the CPU recipe
  EXPECT_EQ(a.params_total, b.params_total + 3 * 4 * 2 * 128 * 512 + routers);
}

TEST(Presets, TheSchemaFileMatchesTheDeclaration) {
  const auto from_file = load_run_schema(kConfigs);
  ASSERT_TRUE(from_file.ok()) << from_file.error().text();
  // Strategies of routing come from the training code; everything else is declared here.
  const auto without_router = [](Schema schema) {
    Json json = json_schema(schema);
    Json* at = &json;
    for (const char* key :
         {"properties", "model", "properties", "layers", "items", "properties", "feed_forward"})
      at = at->find(key);
    constexpr std::array kStages{
        "router", "score", "combine_weight", "projection", "noise", "balance", "capacity"};
    std::erase_if(at->find("oneOf")->mutable_items()[1].find("properties")->mutable_members(),
                  [&](const auto& member) {
                    return std::find(kStages.begin(), kStages.end(), member.first) !=
                           kStages.end();
                  });
    return json;
  };
  EXPECT_EQ(without_router(*from_file), without_router(test::run_schema_for_tests()))
      << "write it anew: switchyard-engine schema > configs/schema/run.schema.json";
}

}  // namespace
}  // namespace switchyard::config
