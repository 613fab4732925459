# The hub and the offers subgraph: docker build -t crossgate .
# The image runs as the user `node`, with a root that may be read-only, and writes nothing.

FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts
COPY portal portal
COPY schema schema
# The packages that build the portal are in its files from then on.
RUN node portal/build.ts && npm pkg delete dependencies[svelte] dependencies[vite] \
  dependencies[@sveltejs/vite-plugin-svelte] dependencies[d3-geo] dependencies[topojson-client] \
  dependencies[uplot] dependencies[world-atlas] dependencies[barcode-detector] \
  dependencies[zxing-wasm] dependencies[@fontsource-variable/inter] && npm prune --omit=dev --ignore-scripts

FROM node:24-bookworm-slim
WORKDIR /app
ENV NODE_ENV=production HOST=0.0.0.0 PORT=4000
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/.data/portal .data/portal
COPY package.json LICENSE ./
COPY schema schema
COPY dataset dataset
COPY subgraphs subgraphs
COPY gateway gateway
# The user `node` by its number, so that an orchestrator can see that it is not root.
USER 1000:1000
EXPOSE 4000
# Ready: MongoDB answers, and the log advances. `/livez` is for a supervisor that would restart the hub.
HEALTHCHECK --interval=10s --timeout=3s --start-period=90s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/readyz`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
STOPSIGNAL SIGTERM
CMD ["node", "--max-semi-space-size=16", "gateway/main.ts"]
