# frozen_string_literal: true

# Packs libpq.so and the headers as a gem, with nothing but RubyGems and readelf.
#
#     ruby ruby/build_gem.rb --library target/release/libpq.so --output dist
#
# The platform of the gem is that of the library. The same library gives the same bytes; files get the time SOURCE_DATE_EPOCH, or
# 1980-01-01.

require "fileutils"
require "open3"
require "optparse"
require "rubygems/package"
require "tmpdir"

CHECKOUT = File.expand_path("..", __dir__)
# The numbers of ELF's e_machine.
MACHINES = { 62 => "x86_64", 183 => "aarch64" }.freeze
HEADERS = %w[libpq-fe.h libpq-events.h postgres_ext.h pg_config.h libpq/libpq-fs.h].freeze

def version
  manifest = File.read(File.join(CHECKOUT, "Cargo.toml"))
  manifest[/^\[workspace\.package\]\nversion = "(\d+\.\d+\.\d+)"$/, 1] || abort("Cargo.toml: no version of the form 1.2.3")
end

def machine(library)
  head = File.binread(library, 20).to_s
  known = MACHINES[head.unpack1("@18S<")] if head.start_with?("\x7fELF".b) && head.size == 20
  known || abort("#{library}: neither a library for x86-64 nor for aarch64")
end

# The oldest glibc that has what the library needs.
def glibc(library)
  needs, status = Open3.capture2("readelf", "--version-info", "--wide", library)
  minors = needs.scan(/\bGLIBC_2\.(\d+)/).map { |minor,| minor.to_i }
  abort "#{library}: needs no glibc" if minors.empty? || !status.success?
  "2.#{minors.max}"
end

def specification(library, files)
  Gem::Specification.new do |spec|
    spec.name = "libpq-oxide"
    spec.version = version
    spec.platform = Gem::Platform.new("#{machine(library)}-linux")
    spec.summary = "A drop-in replacement for libpq.so.5, written in Rust, with GoAway"
    spec.description = "The library, its headers, and a way for ruby-pg to use it. It needs glibc #{glibc(library)} or newer."
    spec.authors = ["The libpq-oxide authors"]
    spec.licenses = ["MIT", "Apache-2.0"]
    spec.required_ruby_version = ">= 3.0"
    spec.add_runtime_dependency "fiddle", "~> 1.0" # loads the library; Ruby's own until 3.4
    spec.files = files
    spec.bindir = "exe"
    spec.executables = ["libpq-oxide"]
    spec.metadata = { "rubygems_mfa_required" => "true" }
  end
end

# Puts a file into the gem's directory, with a mode that does not depend on the checkout's.
def place(source, name)
  FileUtils.mkdir_p(File.dirname(name))
  FileUtils.cp(source, name)
  File.chmod(name.start_with?("exe/") || name.end_with?(".so.5") ? 0o755 : 0o644, name)
end

def collect(library)
  place(library, "native/lib/libpq.so.5")
  # For the linker.
  File.symlink("libpq.so.5", "native/lib/libpq.so")
  HEADERS.each { |header| place(File.join(CHECKOUT, "include", header), "native/include/#{header}") }
  place(File.join(CHECKOUT, "include/pqexpbuffer.h"), "native/include/postgresql/internal/pqexpbuffer.h")
  %w[lib/libpq_oxide.rb lib/libpq_oxide/preload.rb exe/libpq-oxide README.md].each do |name|
    place(File.join(CHECKOUT, "ruby", name), name)
  end
  place(File.join(CHECKOUT, "LICENSE"), "LICENSE")
  File.write("lib/libpq_oxide/version.rb", "# frozen_string_literal: true\n\nmodule LibpqOxide\n  VERSION = \"#{version}\"\nend\n")
  File.chmod(0o644, "lib/libpq_oxide/version.rb")
  Dir.glob("**/*").reject { |name| File.directory?(name) && !File.symlink?(name) }.sort
end

def main
  options = {}
  OptionParser.new do |parser|
    parser.on("--library FILE") { |file| options[:library] = File.expand_path(file) }
    parser.on("--output DIRECTORY") { |directory| options[:output] = File.expand_path(directory) }
  end.parse!
  library, output = options.fetch_values(:library, :output)
  FileUtils.mkdir_p(output)
  ENV["SOURCE_DATE_EPOCH"] ||= "315532800"
  # Only the path of the gem goes to stdout.
  Gem::DefaultUserInteraction.ui = Gem::StreamUI.new($stdin, $stderr, $stderr, false)
  Dir.mktmpdir do |directory|
    gem = Dir.chdir(directory) { Gem::Package.build(specification(library, collect(library)), false, false, "built.gem") }
    final = File.join(output, specification(library, []).file_name)
    FileUtils.cp(File.join(directory, gem), "#{final}.new")
    File.rename("#{final}.new", final)
    puts final
  end
end

main
