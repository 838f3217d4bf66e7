/** The schedules of a configuration: options, or what `defineSchedule` made of them. */
import type { HoldfastConfig } from '../config/config.ts'
import { defineSchedule, type Schedule, type ScheduleOptions } from '../work/schedules/schedule.ts'

/** @throws OptionError naming the schedule and the option */
export function schedulesOf(config: Pick<HoldfastConfig, 'schedules'>): readonly Schedule[] {
  return config.schedules.map((schedule) =>
    isDefined(schedule) ? schedule : defineSchedule(schedule as unknown as ScheduleOptions),
  )
}

function isDefined(schedule: object): schedule is Schedule {
  return typeof (schedule as Partial<Schedule>).calendar === 'object'
}
