// The files that deploy the hub. No engine of containers runs here: the files are checked by the schemas of
// Compose and of Kubernetes, and against what the hub is.

import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { validate as lint } from 'dockerfile-utils'
import { Deployment } from 'kubernetes-models/apps/v1'
import { Ingress, NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1'
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1'
import { Service } from 'kubernetes-models/v1'
import { builtinModules } from 'node:module'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { describeSettings } from '../../gateway/config/config.ts'
import { files, read } from '../harness/files.ts'

// These files are as deep as their schemas; a test states what it expects of them.
// oxlint-disable-next-line typescript/no-explicit-any
type Yaml = any

const settings = new Map(describeSettings().map((setting) => [setting.name, setting]))
const shutdownSeconds = Number(/\d+/.exec(settings.get('SHUTDOWN_MS')!.unset!)![0]) / 1000

describe('the image', () => {
  const dockerfile = read('Dockerfile')
  const lines = dockerfile.replaceAll('\\\n', ' ').split('\n')
  const final = lines.slice(lines.findLastIndex((line) => line.startsWith('FROM ')))
  const copied = final.flatMap((line) => /^COPY (?!--from)(.+) \S+$/.exec(line)?.[1]!.split(' ') ?? [])

  test('is made by a file without mistakes', () => {
    expect(lint(dockerfile).map(({ message }) => message)).toEqual([])
  })

  test('has two stages, no root, a health check and no shell between a signal and the hub', () => {
    expect(lines.filter((line) => line.startsWith('FROM '))).toHaveLength(2)
    expect(final.findLast((line) => line.startsWith('USER '))).toBe('USER 1000:1000')
    expect(final.some((line) => line.startsWith('HEALTHCHECK ') && line.includes('/readyz'))).toBe(true)
    expect(final.findLast((line) => line.startsWith('CMD '))).toBe(
      'CMD ["node", "--max-semi-space-size=16", "gateway/main.ts"]',
    )
  })

  const inImage = files.filter((file) => copied.includes(file.split('/')[0]!))
  const production = inImage.filter((file) => /(?<!\.d)\.ts$/.test(file) && !developmentOnly.has(file))
  const { dependencies } = JSON.parse(read('package.json')) as { dependencies: object }
  const removed = [...dockerfile.matchAll(/ dependencies\[([^\]]+)\]/g)].map(([, name]) => name!)

  test('has every file and every package that the code in it imports', () => {
    const missing = production.flatMap((file) => importsOf(file).filter((to) => !isInImage(to)))
    function isInImage(to: string): boolean {
      if (to.startsWith('.')) return inImage.includes(to.slice(2))
      if (to.startsWith('node:') || builtinModules.includes(to)) return true
      return packageOf(to) in dependencies && !removed.includes(packageOf(to))
    }
    expect([...new Set(missing)]).toEqual([])
    expect(production.length).toBeGreaterThan(300)
    expect(importsOf('test/deploy/deployment.test.ts')).toContain('dockerfile-utils')
  })

  test('has none of the packages that the portal alone imports', () => {
    const used = new Set(production.flatMap((file) => importsOf(file).map(packageOf)))
    const pages = files.filter((file) => /^portal\/.+\.(ts|svelte)$/.test(file))
    const imported = pages.flatMap((file) =>
      [...read(file).matchAll(/\b(?:from|import) ?\(?'([^'.][^']*)'/g)].map(([, to]) => packageOf(to!)),
    )
    const portalOnly = new Set(imported.filter((name) => name in dependencies && !used.has(name)))
    expect(removed.toSorted()).toEqual([...portalOnly].toSorted())
  })

  test('is built from files that .dockerignore lets in', () => {
    const allowed = read('.dockerignore')
      .match(/^!(.+)$/gm)!
      .map((line) => line.slice(1))
    const needed = lines.flatMap((line) => /^COPY (?!--from)(.+) \S+$/.exec(line)?.[1]!.split(' ') ?? [])
    expect(needed.filter((name) => !allowed.includes(name))).toEqual([])
    for (const name of needed)
      expect(files.some((file) => file === name || file.startsWith(`${name}/`))).toBe(true)
  })
})

/** Commands of developers: they are in the image, and are not run there. */
const developmentOnly = new Set(['gateway/cli/generate.ts'])

const packageOf = (to: string): string =>
  to
    .split('/')
    .slice(0, to.startsWith('@') ? 2 : 1)
    .join('/')

/** What a file imports when it runs: paths from the top with "./" before them, or packages. */
function importsOf(file: string): string[] {
  const statement = /^(?:import|export)\s+(?!type\b)(?:[^'"`;]*?\sfrom\s+)?['"]([^'"]+)['"]/gm
  return [...read(file).matchAll(statement)].map(([, to]) =>
    to!.startsWith('.') ? `./${path.posix.join(path.posix.dirname(file), to!)}` : to!,
  )
}

describe('compose.yaml', () => {
  const compose = parse(read('compose.yaml'), { merge: true })
  const services = Object.entries<Record<string, Yaml>>(compose.services)
  const service = (name: string) => compose.services[name]

  test('is valid by the schema of the Compose specification', () => {
    const ajv = new Ajv2020({ strict: false, allErrors: true })
    addFormats.default(ajv)
    const isValid = ajv.compile(JSON.parse(read('test/deploy/compose-spec.json')))
    isValid(compose)
    expect(isValid.errors).toBeNull()
    isValid({ ...compose, services: { hub: { imge: 'x' } } })
    expect(isValid.errors).not.toBeNull()
  })

  test('names only services, volumes, configs and secrets that are there', () => {
    const missing = services.flatMap(
      ([name, { depends_on = {}, configs = [], secrets = [], volumes = [] }]) =>
        [
          ...Object.keys(depends_on).filter((other) => !(other in compose.services)),
          ...configs.filter(({ source }: { source: string }) => !(source in compose.configs)),
          ...secrets.filter((secret: string) => !(secret in compose.secrets)),
          ...volumes
            .map((volume: string) => volume.split(':')[0]!)
            .filter((from: string) => !from.startsWith('./') && !(from in compose.volumes)),
        ].map((one) => `${name}: ${JSON.stringify(one)}`),
    )
    expect(missing).toEqual([])
    for (const { file } of Object.values<{ file: string }>(compose.configs)) expect(files).toContain(file)
    for (const { file } of Object.values<{ file: string }>(compose.secrets))
      expect(read('deploy/secrets.sh')).toContain(file)
  })

  test('has three members of MongoDB with one key, and two hubs that are drained', () => {
    const members = services.filter(([name]) => /^mongo-\d$/.test(name))
    expect(members).toHaveLength(3)
    for (const [, { entrypoint, secrets }] of members) {
      expect(entrypoint.join(' ')).toContain('--keyFile')
      expect(secrets).toEqual(['mongo-key'])
    }
    for (const name of ['hub-1', 'hub-2']) {
      expect(service(name)).toMatchObject({ read_only: true, cap_drop: ['ALL'] })
      expect(parseInt(service(name).stop_grace_period, 10)).toBeGreaterThan(shutdownSeconds)
      expect(Object.keys(service(name).environment).filter((setting) => !settings.has(setting))).toEqual([])
    }
    expect(service('offers').command).toEqual(['node', 'subgraphs/offers/main.ts'])
  })

  test('publishes ports on this machine alone', () => {
    const ports: string[] = services.flatMap(([, { ports: published = [] }]) => published)
    expect(ports.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([])
    expect(ports.length).toBeGreaterThan(2)
  })
})

describe('the manifests of Kubernetes', () => {
  const folder = 'deploy/kubernetes/'
  const kustomization = parse(read(`${folder}kustomization.yaml`))
  const objects = (kustomization.resources as string[]).flatMap((file) =>
    parseAllDocuments(read(folder + file)).map((document) => document.toJS() as Manifest),
  )
  const find = (kind: string, name: string) =>
    objects.find((one) => one.kind === kind && one.metadata.name === name)!

  test.each(objects.map((object) => [`${object.kind} ${object.metadata.name}`, object] as const))(
    '%s is valid by the schema of its kind',
    (_, object) => {
      expect(() => modelOf(object).validate()).not.toThrow()
      expect(() => modelOf({ ...object, spec: 'none' as never }).validate()).toThrow('spec')
    },
  )

  test('list every file of their folder, and set only settings that there are', () => {
    const manifests = files.filter((file) => file.startsWith(folder)).map((file) => file.slice(folder.length))
    expect(new Set(manifests)).toEqual(new Set(['kustomization.yaml', ...kustomization.resources]))
    const [{ literals }] = kustomization.configMapGenerator
    const names = (literals as string[]).map((literal) => literal.split('=')[0]!)
    expect(names.filter((name) => !settings.has(name))).toEqual([])
  })

  test('probe a hub, drain it before its end, and keep one during a disruption', () => {
    const { spec } = find('Deployment', 'hub')
    const { terminationGracePeriodSeconds, securityContext, containers } = spec.template.spec
    const [hub] = containers
    expect(hub.readinessProbe.httpGet.path).toBe('/readyz')
    expect(hub.livenessProbe.httpGet.path).toBe('/livez')
    expect(securityContext.runAsNonRoot).toBe(true)
    expect(hub.securityContext).toMatchObject({
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
    })
    expect(terminationGracePeriodSeconds).toBeGreaterThan(
      hub.lifecycle.preStop.sleep.seconds + shutdownSeconds,
    )
    // By the end of the pause, a hub that is not ready has no traffic.
    const { periodSeconds, failureThreshold } = hub.readinessProbe
    expect(hub.lifecycle.preStop.sleep.seconds).toBeGreaterThanOrEqual(periodSeconds * failureThreshold)
    expect(find('PodDisruptionBudget', 'hub').spec).toMatchObject({
      minAvailable: 1,
      selector: spec.selector,
    })
    expect(spec.replicas).toBeGreaterThan(1)
  })
})

interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string }
  readonly spec: Record<string, Yaml>
}
const kinds: Readonly<Record<string, new (data: never) => { validate(): void }>> = {
  'apps/v1 Deployment': Deployment,
  'v1 Service': Service,
  'policy/v1 PodDisruptionBudget': PodDisruptionBudget,
  'networking.k8s.io/v1 NetworkPolicy': NetworkPolicy,
  'networking.k8s.io/v1 Ingress': Ingress,
}

function modelOf(object: Manifest): { validate(): void } {
  const Kind = kinds[`${object.apiVersion} ${object.kind}`]!
  return new Kind(object as never)
}
