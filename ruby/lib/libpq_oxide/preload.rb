# frozen_string_literal: true

# Makes ruby-pg use libpq-oxide; to be required before "pg".

require_relative "../libpq_oxide"

LibpqOxide.preload
