// Projects: how they change, and the programme's figures about them. No MongoDB, no GraphQL.

import { countryByCode } from '../../schema/values/country.ts'
import type { ProjectId } from '../../schema/values/id.ts'
import { refuse, type Refusal } from '../../schema/values/problems.ts'
import { unknownCountry } from '../../schema/values/unknown.ts'
import type { Participant, Project } from '../shared/registry.ts'

export interface ProjectInput {
  readonly id: ProjectId
  readonly expectedVersion: number
  readonly name?: string | null
  readonly model?: Project['model'] | null
  readonly status?: Project['status'] | null
  readonly country?: string | null
}

/** Requested changes; null leaves a field as it is. */
export type ProjectChange = {
  readonly [Name in keyof ProjectInput]-?: Exclude<ProjectInput[Name], undefined>
}

/** Refuses with BAD_VALUE or UNKNOWN_COUNTRY. */
export function readProject(input: ProjectInput): ProjectChange | Refusal {
  const { id, expectedVersion, model = null, status = null, country = null } = input
  const name = input.name?.trim() ?? null
  if (!/^[a-z0-9-]{3,40}$/.test(id)) {
    return refuse('BAD_VALUE', 'an id has 3–40 characters: a–z, 0–9 and dashes', ['input', 'id'])
  }
  if (name !== null && (name.length < 1 || name.length > 120 || /\p{Cc}/u.test(name))) {
    const problem = 'a name has 1–120 characters, none of them a control character'
    return refuse('BAD_VALUE', problem, ['input', 'name'])
  }
  if (country !== null && !countryByCode(country)) return unknownCountry(country, ['input', 'country'])
  return { id, expectedVersion, name, model, status, country }
}

/** The project after `change`. Refuses with VERSION_CONFLICT, and with BAD_VALUE another country. */
export function changeProject(project: Project, change: ProjectChange): Project | Refusal {
  const version = versionOf(project)
  if (change.expectedVersion !== version) {
    const problem = `${project.id} is at version ${version}, not ${change.expectedVersion}`
    return refuse('VERSION_CONFLICT', problem, ['input', 'expectedVersion'])
  }
  if (change.country !== null && change.country !== project.country) {
    const problem = `the project is with ${project.country}: add another project for ${change.country}`
    return refuse('BAD_VALUE', problem, ['input', 'country'])
  }
  return {
    ...project,
    name: change.name ?? project.name,
    model: change.model ?? project.model,
    status: change.status ?? project.status,
    version: version + 1,
  }
}

/** A new project at version 1, for `expectedVersion` 0. Refuses with NOT_FOUND or BAD_VALUE. */
export function addProject({ id, expectedVersion, ...fields }: ProjectChange): Project | Refusal {
  if (expectedVersion !== 0) {
    const problem = 'there is no project with this id: `expectedVersion` 0 adds one'
    return refuse('NOT_FOUND', problem, ['input', 'id'])
  }
  const { name, model, country, status } = fields
  if (name === null || model === null || country === null) {
    const missing = name === null ? 'name' : model === null ? 'model' : 'country'
    return refuse('BAD_VALUE', `a new project needs \`${missing}\``, ['input', missing])
  }
  return { id, name, model, status: status ?? 'PLANNED', country, version: 1 }
}

/** Projects that were stored before they had versions are at version 1. */
export const versionOf = ({ version }: Pick<Project, 'version'>): number => version ?? 1

export interface ProgrammeFigures {
  readonly wallets: number
  readonly walletCountries: number
  readonly projects: number
  readonly projectCountries: number
}

/** Counts the wallets that are LIVE and not of the mainland. */
export function programmeFigures(
  participants: Iterable<Participant>,
  projects: Iterable<Project>,
): ProgrammeFigures {
  const wallets = [...participants].filter(
    ({ roles, status, country }) => roles.includes('WALLET') && status === 'LIVE' && country !== 'CN',
  )
  const agreements = [...projects]
  return {
    wallets: wallets.length,
    walletCountries: new Set(wallets.map(({ country }) => country)).size,
    projects: agreements.length,
    projectCountries: new Set(agreements.map(({ country }) => country)).size,
  }
}
