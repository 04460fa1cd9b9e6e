std = "lua54"
max_line_length = 100
exclude_files = { "build", ".taskq" }
files["spec"] = { std = "lua54+busted" }
files["handlers/**/*_spec.lua"] = { std = "lua54+busted" }
files["examples/**/*_spec.lua"] = { std = "lua54+busted" }
