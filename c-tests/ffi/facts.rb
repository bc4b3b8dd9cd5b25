# Helpers for the Ruby programs: they print facts on stdout and the path of the loaded libpq on stderr.

# Characters of one to four bytes.
TEXT = "naïve Ωmega 日本 🐘"
# All byte values.
BYTES = (0..255).to_a.pack("C*")

$stdout.sync = true

def fact(label, value)
  puts "#{label}: #{value.inspect}"
end

# Returns the file that is mapped, whatever name it was opened by.
def tell_library
  files = File.readlines("/proc/self/maps").grep(%r{/libpq\.so}).map { |line| line.split.last }
  warn "libpq #{files.uniq.sort.join(" ")}"
end

def wait_readable(io)
  io.wait_readable(20) or abort "the server sends nothing"
end

# Runs the method that the command line names, with the remaining arguments.
def main
  send(*ARGV)
  tell_library
end
