{{/* Every right that the chart gives, once: a ClusterRole or the Roles of single namespaces take them from here.
     No wildcard, and no right on Secrets: keys are digests in LLMTenants, and Pods mount what they need by name. */}}

{{/* The operator, in the namespaces of LLMServices. */}}
{{- define "tidegate.operatorRules" -}}
- apiGroups: [serving.tidegate.dev]
  resources: [llmservices, llmtenants, llmmodels]
  verbs: [get, list, watch]
- apiGroups: [serving.tidegate.dev]
  resources: [llmservices/status, llmtenants/status, llmmodels/status]
  verbs: [patch]
# Makes an LLMModel for an LLMService that has none, and deletes one whose files had to make room.
- apiGroups: [serving.tidegate.dev]
  resources: [llmmodels]
  verbs: [create, delete]
# Makes the claim of a namespace's cache where there is none; never changes or deletes one.
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [create]
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, watch, create, patch, delete]
# Workers of several Pods are LeaderWorkerSets where that project is installed.
- apiGroups: [leaderworkerset.x-k8s.io]
  resources: [leaderworkersets]
  verbs: [get, list, create, patch, delete]
# A StatefulSet holds what computes for a worker of several Pods; it goes with that worker's first Pod, unasked.
- apiGroups: [apps]
  resources: [statefulsets]
  verbs: [get, list, watch, create, patch]
# A ControllerRevision keeps what the workers of a version are.
- apiGroups: [apps]
  resources: [deployments, controllerrevisions]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [services, serviceaccounts]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [pods, persistentvolumeclaims]
  verbs: [get, list, watch]
# Reads the golden prompts that an LLMService names.
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get]
# Marks a worker that is to go, and which one goes first.
- apiGroups: [""]
  resources: [pods]
  verbs: [patch]
# Sees who else scales a pool.
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, list, watch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}

{{/* The operator, in its own namespace: who leads, whether the gateway answers, and which Pods it has. */}}
{{- define "tidegate.operatorOwnRules" -}}
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [tidegate-operator]
  verbs: [get, update]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [get, list, watch]
- apiGroups: [""]
  resources: [pods]
  verbs: [list]
{{- end -}}

{{/* The gateway: it only reads, but for the mark that wakes a service without workers. */}}
{{- define "tidegate.gatewayRules" -}}
- apiGroups: [serving.tidegate.dev]
  resources: [llmservices, llmtenants]
  verbs: [get, list, watch]
- apiGroups: [serving.tidegate.dev]
  resources: [llmservices/status]
  verbs: [patch]
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch]
{{- end -}}

{{/* The gateway, in its own namespace: which others there are. */}}
{{- define "tidegate.gatewayOwnRules" -}}
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch]
{{- end -}}

{{/* The console, for who has not signed in: it only reads. Whoever has signed in has their own rights there. */}}
{{- define "tidegate.consoleRules" -}}
- apiGroups: [serving.tidegate.dev]
  resources: [llmservices, llmtenants, llmmodels]
  verbs: [get, list, watch]
- apiGroups: [""]
  resources: [events]
  verbs: [get, list, watch]
{{- end -}}

{{/* `helm test`, while it runs. */}}
{{- define "tidegate.testRules" -}}
- apiGroups: [serving.tidegate.dev]
  resources: [llmservices]
  verbs: [get, list]
- apiGroups: [serving.tidegate.dev]
  resources: [llmtenants]
  verbs: [create, delete]
{{- end -}}

{{/* A right on the release's own namespace: (dict "top" . "part" "operator" "rules" "tidegate.operatorOwnRules"). */}}
{{- define "tidegate.grantOwn" -}}
{{- $name := printf "%s-own" .part -}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  {{- include "tidegate.metadata" (list .top $name) | nindent 2 }}
rules:
  {{- include .rules .top | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  {{- include "tidegate.metadata" (list .top $name) | nindent 2 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: {{ include "tidegate.part" (list .top $name) }}
subjects:
  - kind: ServiceAccount
    name: {{ include "tidegate.part" (list .top .part) }}
    namespace: {{ .top.Release.Namespace }}
{{- end -}}

{{/* A right on namespaces: (dict "top" . "part" "operator" "rules" "tidegate.operatorRules"
     "namespaces" (list …) "annotations" (dict …)). No namespaces: one ClusterRole. */}}
{{- define "tidegate.grant" -}}
{{- $top := .top -}}
{{- $name := include "tidegate.part" (list $top .part) -}}
{{- $cluster := not .namespaces -}}
{{- /* Two releases may have one name in two namespaces, and meet in a third. */ -}}
{{- $roleName := printf "%s-%s" $top.Release.Namespace $name -}}
{{- range (.namespaces | default (list "")) }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ ternary "ClusterRole" "Role" $cluster }}
metadata:
  name: {{ $roleName }}
  {{- if not $cluster }}
  namespace: {{ . }}
  {{- end }}
  labels:
    {{- include "tidegate.selectorLabels" (list $top $.part) | nindent 4 }}
    {{- include "tidegate.labels" $top | nindent 4 }}
  {{- with $.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
rules:
  {{- include $.rules $top | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ ternary "ClusterRoleBinding" "RoleBinding" $cluster }}
metadata:
  name: {{ $roleName }}
  {{- if not $cluster }}
  namespace: {{ . }}
  {{- end }}
  labels:
    {{- include "tidegate.selectorLabels" (list $top $.part) | nindent 4 }}
    {{- include "tidegate.labels" $top | nindent 4 }}
  {{- with $.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ ternary "ClusterRole" "Role" $cluster }}
  name: {{ $roleName }}
subjects:
  - kind: ServiceAccount
    name: {{ $name }}
    namespace: {{ $top.Release.Namespace }}
{{- end }}
{{- end -}}
