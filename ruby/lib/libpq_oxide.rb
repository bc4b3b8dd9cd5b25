# frozen_string_literal: true

require_relative "libpq_oxide/version"

# libpq-oxide, a drop-in replacement for libpq.so.5, for ruby-pg and for programs that use libpq.
#
# Requiring this file loads no libpq. LibpqOxide.preload, or requiring "libpq_oxide/preload", makes ruby-pg use the library.
module LibpqOxide
  # The process has loaded another libpq: the functions that ruby-pg has found in it cannot be replaced.
  class AlreadyLoaded < RuntimeError; end

  # libpq.so, libpq.so.5, libpq.so.5.15, and libpq-ruby-pg.so.1, which the precompiled gem pg brings.
  LIBPQ = /\Alibpq(?:-[^.]+)?\.so(?:\.|\z)/.freeze
  private_constant :LIBPQ

  class << self
    # Returns the path of libpq.so.5.
    def path
      File.join(lib_dir, "libpq.so.5")
    end

    # Returns the directory of libpq.so.5 and libpq.so.
    def lib_dir
      File.expand_path("../native/lib", __dir__)
    end

    # Returns the directory of libpq-fe.h.
    def include_dir
      File.expand_path("../native/include", __dir__)
    end

    # Returns the version of this gem.
    def version
      VERSION
    end

    # Makes ruby-pg use the library in this process. Call it before ruby-pg is loaded. A second call does nothing. Raises
    # AlreadyLoaded if the process has loaded another libpq.
    def preload
      require "fiddle"
      return if first?

      others = other_libraries
      unless others.empty?
        raise AlreadyLoaded, "another libpq is loaded already: #{others.join(', ')}; require \"libpq_oxide/preload\" before \"pg\""
      end
      # ruby-pg finds its functions before those of the libpq that it was linked with, because this makes its symbols global.
      Fiddle::Handle.new(path, Fiddle::RTLD_NOW | Fiddle::RTLD_GLOBAL)
      nil
    end

    private

    # Whether extensions that are loaded from now on find the functions of our library.
    def first?
      return false unless loaded_files.include?(File.realpath(path))

      Fiddle::Handle::DEFAULT["PQlibVersion"] == Fiddle::Handle.new(path, Fiddle::RTLD_LAZY)["PQlibVersion"]
    rescue Fiddle::DLError
      false
    end

    def other_libraries
      ours = File.realpath(path)
      loaded_files.select { |file| File.basename(file).match?(LIBPQ) && file != ours }
    end

    # The files that this process has mapped into its memory, sorted.
    def loaded_files
      lines = File.readlines("/proc/self/maps", chomp: true, encoding: Encoding::BINARY)
      files = lines.map { |line| line.split(" ", 6)[5] }.compact
      files.map { |file| file.delete_suffix(" (deleted)").force_encoding(path.encoding) }.uniq.sort
    end
  end
end
