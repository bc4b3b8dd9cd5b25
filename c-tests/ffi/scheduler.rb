# A minimal fiber scheduler: it lets fibers wait for descriptors and for time.

class Scheduler
  # The number of times that a fiber waited for a descriptor.
  attr_reader :waits

  def initialize
    @readable = {}
    @writable = {}
    @sleeping = {}
    @blocked = 0
    @unblocked = []
    @waits = 0
  end

  def io_wait(io, events, timeout)
    @waits += 1
    fiber = Fiber.current
    @readable[io] = fiber if events.anybits?(IO::READABLE)
    @writable[io] = fiber if events.anybits?(IO::WRITABLE)
    @sleeping[fiber] = now + timeout if timeout
    Fiber.yield
  ensure
    @readable.delete(io)
    @writable.delete(io)
    @sleeping.delete(fiber)
  end

  def kernel_sleep(duration = nil)
    block(:sleep, duration)
    true
  end

  def block(_blocker, timeout = nil)
    fiber = Fiber.current
    @blocked += 1
    @sleeping[fiber] = now + timeout if timeout
    Fiber.yield
  ensure
    @blocked -= 1
    @sleeping.delete(fiber)
  end

  def unblock(_blocker, fiber)
    @unblocked << fiber
  end

  def fiber(&block)
    Fiber.new(blocking: false, &block).tap(&:resume)
  end

  def run
    until [@readable, @writable, @sleeping, @unblocked].all?(&:empty?)
      readable, writable, = IO.select(@readable.keys, @writable.keys, [], @unblocked.empty? ? patience : 0)
      resume_ready(readable || [], writable || [])
      @unblocked.shift(@unblocked.size).each { |fiber| fiber.resume if fiber.alive? }
      @sleeping.select { |_, time| time <= now }.each_key { |fiber| fiber.resume(false) if fiber.alive? }
    end
  end

  alias close run

  private

  def resume_ready(readable, writable)
    events = Hash.new(0)
    readable.each { |io| events[@readable[io]] |= IO::READABLE }
    writable.each { |io| events[@writable[io]] |= IO::WRITABLE }
    events.each { |fiber, ready| fiber&.resume(ready) }
  end

  def patience
    @sleeping.empty? ? nil : [@sleeping.values.min - now, 0].max
  end

  def now
    Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end
end
