# frozen_string_literal: true

# Makes a gem pg that is linked like the precompiled ones on rubygems.org, out of Debian's ruby-pg and a libpq: pg_ext.so needs
# libpq-ruby-pg.so.1, which the gem contains. Prints its path.
#
#     precompiled_pg.rb VERSION LIBPQ DIRECTORY

require "fileutils"
require "rbconfig"
require "rubygems/package"
require "tmpdir"

def patch(file, *changes)
  # One change a call: patchelf makes no two at once.
  changes.each { |change| system("patchelf", *change, file, exception: true) }
end

def fill(libpq)
  vendor, archdir = RbConfig::CONFIG.values_at("vendordir", "vendorarchdir")
  FileUtils.mkdir_p(%w[lib native])
  FileUtils.cp_r([File.join(vendor, "pg.rb"), File.join(vendor, "pg")], "lib")
  FileUtils.cp(File.join(archdir, "pg_ext.so"), "lib")
  FileUtils.cp(libpq, "native/libpq-ruby-pg.so.1")
  File.chmod(0o755, "native/libpq-ruby-pg.so.1")
  patch("native/libpq-ruby-pg.so.1", ["--set-soname", "libpq-ruby-pg.so.1"])
  patch("lib/pg_ext.so", ["--replace-needed", "libpq.so.5", "libpq-ruby-pg.so.1"], ["--set-rpath", "$ORIGIN/../native"])
end

version, libpq, output = ARGV
Gem::DefaultUserInteraction.ui = Gem::SilentUI.new
Dir.mktmpdir do |directory|
  Dir.chdir(directory) do
    fill(libpq)
    spec = Gem::Specification.new do |s|
      s.name = "pg"
      s.version = version
      s.platform = Gem::Platform.local
      s.summary = "Debian's ruby-pg with a libpq of its own"
      s.authors = ["none"]
      s.files = Dir["{lib,native}/**/*"].select { |file| File.file?(file) }
    end
    gem = Gem::Package.build(spec, true)
    FileUtils.cp(gem, output)
    puts File.join(output, gem)
  end
end
